import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { compileGraph } from "../../../shared/model/graph.ts";
import { graphSpecSchema, type JobSpecInput } from "../../../shared/model/job-spec.ts";
import { FULL_PARTITIONS, groupby, TENTHOUSAND_JOBS_PARTITIONS } from "../../bench/graphs/groupby.ts";
import { merge } from "../../bench/graphs/plain.ts";
import { readWorkflow, sleepingJobs } from "../../bench/graphs/workflow.ts";
import { listScheduleMs } from "../../bench/peers/list-schedule.ts";

const edgesOf = (jobs: readonly JobSpecInput[]): number =>
  jobs.reduce((sum, { needs = [] }) => sum + needs.length, 0);

it("has as many jobs and edges in a groupby of 34,560 partitions as Dask makes", () => {
  const jobs = groupby(FULL_PARTITIONS);
  expect([jobs.length, edgesOf(jobs)]).toEqual([182_682, 251_801]);
});

it("has about 10,000 jobs in a groupby of the small size", () => {
  expect(groupby(TENTHOUSAND_JOBS_PARTITIONS).length).toBeCloseTo(10_000, -2);
});

it("makes graphs that can be run", () => {
  for (const jobs of [groupby(20), merge(20)]) {
    expect(compileGraph(graphSpecSchema.parse({ jobs })).ok).toBe(true);
  }
});

it("schedules the critical path first", () => {
  // The chain 0 → 1 must begin at once, though the others were there before it.
  const tasks = [
    { ms: 10, needs: [] },
    { ms: 10, needs: [] },
    { ms: 10, needs: [] },
    { ms: 30, needs: [2] },
  ];
  expect(listScheduleMs(tasks, 1)).toBe(60);
  expect(listScheduleMs(tasks, 2)).toBe(40);
});

it("takes the longest chain where slots are not scarce", () => {
  const tasks = [
    { ms: 5, needs: [] },
    { ms: 7, needs: [0] },
    { ms: 1, needs: [0] },
    { ms: 2, needs: [1, 2] },
  ];
  expect(listScheduleMs(tasks, 9)).toBe(14);
});

it("reads a recorded workflow with times a thousand times as short, 20 ms to 2 s", async () => {
  const folder = mkdtempSync(join(tmpdir(), "millrace-bench-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "recorded.json");
  const tasks = [
    { id: "first", parents: [] },
    { id: "second", parents: ["first"] },
    { id: "third", parents: ["second", "first", "first"] },
  ];
  const execution = {
    tasks: tasks.map(({ id }, place) => ({ id, runtimeInSeconds: [1, 345.6, 9_999][place] })),
  };
  writeFileSync(file, JSON.stringify({ workflow: { specification: { tasks }, execution } }));
  const read = await readWorkflow(file);
  expect(read).toEqual([
    { ms: 20, needs: [] },
    { ms: 346, needs: [0] },
    { ms: 2_000, needs: [1, 0] },
  ]);
  expect(sleepingJobs(read)[1]).toEqual({
    name: "t1",
    run: { script: "sleep 0.346" },
    needs: [{ job: "t0" }],
  });
});
