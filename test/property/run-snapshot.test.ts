import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { columnOf, valuesOf } from "../../coordinator/core/column.ts";
import { fold } from "../../coordinator/core/run-fold.ts";
import { RunReader, SNAPSHOT_FORMAT, writeRun } from "../../coordinator/core/run-snapshot.ts";
import { newRunState, type RunState } from "../../coordinator/core/run-state.ts";
import { runOptionsSchema } from "../../shared/model/api.ts";
import { compileGraph } from "../../shared/model/graph.ts";
import { graphSpecSchema, type JobSpecInput } from "../../shared/model/job-spec.ts";
import { RunDriver } from "../support/run-driver.ts";
import { graphs, steps, takeStep } from "./random-run.ts";

const slow = { timeout: 30_000 };

describe("a snapshot", () => {
  it(
    "followed by the rest of the records makes the same run as all of them, wherever it was taken",
    slow,
    () => {
      fc.assert(
        fc.property(graphs, steps, fc.nat(), (jobs, plan, place) => {
          const run = new RunDriver(jobs);
          for (const step of plan) takeStep(run, step);
          const end = place % (run.records.length + 1);
          const whole = submitted(jobs);
          const prefix = submitted(jobs);
          for (const record of run.records) fold(whole, record);
          for (const record of run.records.slice(0, end)) fold(prefix, record);
          const reader = new RunReader(submitted(jobs));
          for (const line of writeRun(prefix)) reader.read(line);
          const resumed = reader.finish();
          expect(resumed).toStrictEqual(prefix);
          for (const record of run.records.slice(end)) fold(resumed, record);
          expect(resumed).toStrictEqual(whole);
          expect(whole).toStrictEqual(run.state);
        }),
        { numRuns: 150 },
      );
    },
  );

  it("shares nothing with the state it was made of", () => {
    const run = new RunDriver({ a: {}, b: { needs: ["a"] } });
    run.grant("a");
    const lines = [...writeRun(run.state)];
    const reader = new RunReader(submitted(run.state.specs));
    for (const line of lines) reader.read(line);
    run.finish("a");
    expect(reader.finish().jobs.map((job) => job.phase)).toEqual(["assigned", "waiting"]);
  });

  it("of another run is refused", () => {
    const lines = [...writeRun(new RunDriver({ a: {} }).state)];
    const reader = new RunReader(
      submitted([
        { name: "a", run: { script: "true" } },
        { name: "b", run: { script: "true" } },
      ]),
    );
    for (const line of lines) reader.read(line);
    expect(() => reader.finish()).toThrow(/1 jobs/);
  });

  it("has another format number when the state has other fields", () => {
    const run = new RunDriver({ a: {} });
    run.execute("a");
    const [job] = run.state.jobs;
    const [attempt] = job?.attempts ?? [];
    // When this fails, raise SNAPSHOT_FORMAT and write down the fields of today.
    expect({
      format: SNAPSHOT_FORMAT,
      run: Object.keys(run.state),
      job: Object.keys(job ?? {}),
      attempt: Object.keys(attempt ?? {}),
      result: Object.keys(attempt?.result ?? {}),
    }).toMatchInlineSnapshot(`
      {
        "attempt": [
          "attempt",
          "agent",
          "incarnation",
          "lease",
          "assignedAt",
          "startedAt",
          "endedAt",
          "result",
          "ranOn",
          "isImplicit",
          "progress",
          "returned",
        ],
        "format": 4,
        "job": [
          "phase",
          "unmet",
          "hasBadNeed",
          "attempts",
          "priority",
          "artifact",
          "rootCause",
          "reason",
          "outcome",
          "isCancelRequested",
          "readyAt",
          "reuse",
          "keys",
        ],
        "result": [
          "outcome",
          "wallMs",
          "cpuMs",
          "peakMemoryBytes",
          "artifact",
          "logBytes",
        ],
        "run": [
          "run",
          "graph",
          "specs",
          "vars",
          "name",
          "options",
          "submittedAt",
          "retryOf",
          "carried",
          "priority",
          "priorityChanges",
          "status",
          "jobs",
          "counts",
          "reused",
          "cancel",
          "endedAt",
          "reason",
          "eventSeq",
          "lastAt",
        ],
      }
    `);
  });
});

describe("columns", () => {
  it("give back what JSON would, whatever is put in", slow, () => {
    fc.assert(
      fc.property(fc.array(fc.jsonValue()), (values) => {
        const column = JSON.parse(JSON.stringify(columnOf(values)));
        expect(valuesOf(column)).toStrictEqual(JSON.parse(JSON.stringify(values)));
      }),
      { numRuns: 200 },
    );
  });

  it("say once what all values have in common", () => {
    const values = Array.from({ length: 10_000 }, (_, index) => ({
      phase: index % 2 === 0 ? "waiting" : "succeeded",
      results: index % 2 === 0 ? [] : [{ outcome: { kind: "succeeded" }, at: 1_000_000 + index }],
    }));
    const plain = JSON.stringify(values).length;
    expect(JSON.stringify(columnOf(values)).length).toBeLessThan(plain / 5);
  });
});

function submitted(jobs: readonly JobSpecInput[]): RunState {
  const spec = graphSpecSchema.parse({ jobs });
  const compilation = compileGraph(spec);
  if (!compilation.ok) throw new Error(JSON.stringify(compilation.problems));
  return newRunState("r1", spec, compilation.graph, {
    name: null,
    options: runOptionsSchema.parse({}),
    at: 1_000,
  });
}
