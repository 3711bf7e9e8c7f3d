import { expect, test } from "vitest";
import { drawGraph } from "../../../shared/model/graph-drawing.ts";

const hostile = 'a"b\\N<c>#1;`x`';

test("draws edges from the need to what needs it", () => {
  const jobs = [
    { job: "build", needs: ["fetch"] },
    { job: "fetch", needs: [] },
  ];
  expect(drawGraph(jobs, "dot")).toContain("n1 -> n0;");
  expect(drawGraph(jobs, "mermaid")).toContain("n1 --> n0");
});

test("escapes names for Graphviz", () => {
  expect(drawGraph([{ job: hostile, needs: [] }], "dot")).toContain('n0 [label="a\\"b\\\\N<c>#1;`x`"];');
});

test("escapes names for Mermaid", () => {
  const drawing = drawGraph(
    [
      { job: hostile, needs: [] },
      { job: "1. zlib-1.3", needs: [] },
    ],
    "mermaid",
  );
  expect(drawing).toContain('n0["a#34;b#92;N#60;c#62;#35;1#59;#96;x#96;"]');
  expect(drawing).toContain('n1["1#46; zlib-1.3"]');
});

test("colours phases and leaves jobs without one plain", () => {
  const jobs = [
    { job: "a", needs: [], phase: "failed" as const },
    { job: "b", needs: [] },
  ];
  expect(drawGraph(jobs, "dot")).toMatch(
    /n0 \[label="a", style="filled", fillcolor="#\w+", tooltip="failed"\]/,
  );
  expect(drawGraph(jobs, "mermaid")).toMatch(/n0\["a"\]:::failed\n {2}n1\["b"\]\n {2}classDef failed/);
});

test("leaves out an edge to a job that is not drawn", () => {
  expect(drawGraph([{ job: "a", needs: ["elsewhere"] }], "dot")).not.toContain("->");
});

test("gives JSON that keeps every name", () => {
  const jobs = [
    { job: "__proto__", needs: [] },
    { job: hostile, needs: ["__proto__"] },
  ];
  expect(JSON.parse(drawGraph(jobs, "json"))).toEqual({ jobs });
});
