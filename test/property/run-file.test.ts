import fc from "fast-check";
import { expect, test } from "vitest";
import { parseRunFile, type RunFileReading } from "../../coordinator/readers/run-file.ts";
import { formatProblem } from "../../coordinator/readers/source-text.ts";
import { graphSpecSchema } from "../../shared/model/job-spec.ts";
import { asJson, asYaml, runFile } from "./written-run-file.ts";

function failuresOf(reading: RunFileReading): string[] {
  return reading.ok ? [] : reading.problems.map(formatProblem);
}

test("any correct file gives the same from YAML and from JSON, loses nothing and fits the graph's schema", () => {
  fc.assert(
    fc.property(runFile, ({ pairs, names }) => {
      const json = parseRunFile("f.json", asJson({ pairs }));
      const yaml = parseRunFile("f.yaml", asYaml({ pairs }));
      expect(failuresOf(json)).toEqual([]);
      expect(failuresOf(yaml)).toEqual([]);
      if (!json.ok || !yaml.ok) return;
      expect(yaml.graph).toEqual(json.graph);
      expect(yaml.sources).toEqual(json.sources);
      expect(json.graph.jobs.map(({ name }) => name)).toEqual(names);
      expect(graphSpecSchema.safeParse(json.graph).error).toBeUndefined();
      expect([...json.compiled.indexOf.keys()]).toEqual(names);
    }),
    { numRuns: 300 },
  );
}, 60_000);
