import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildSimulation } from "./build.ts";
import { Coverage } from "./coverage.ts";
import { simulateAll, traceOf } from "./pool.ts";

const SEEDS = Number(process.env.MILLRACE_SIM_SEEDS ?? 1_000);
/** With so many, each kind of fault happens. */
const MANY_SEEDS = 500;

describe("the simulated cluster", () => {
  let folder: string;
  let program: string;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "millrace-sim-"));
    program = join(folder, "simulation.mjs");
    await buildSimulation(program);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it(`keeps every promise with ${SEEDS} seeds, and everything that can go wrong has gone wrong`, async () => {
    const seeds = Array.from({ length: SEEDS }, (_, index) => index + 1);
    const broken: string[] = [];
    const coverage = new Coverage();
    for await (const { seed, finding, coverage: counts } of simulateAll(seeds, { program })) {
      coverage.add(counts);
      if (finding !== undefined) broken.push(`seed ${seed}: ${finding.promise}: ${finding.what}`);
    }
    process.stdout.write(`${coverage.describe()}\n`);
    expect(broken).toEqual([]);
    if (SEEDS < MANY_SEEDS) return;
    expect(expectedFaults.filter((kind) => !coverage.counts.has(kind))).toEqual([]);
  });

  it.each([3, 7, 11])("does the same again for the same seed, seed %i", async (seed) => {
    const first = await traceOf(seed, program);
    const second = await traceOf(seed, program);
    expect(second.trace).toEqual(first.trace);
    expect(first.trace.length).toBeGreaterThan(20);
    expect((await traceOf(seed + 1, program)).trace).not.toEqual(first.trace);
  });
});

const expectedFaults = [
  "coordinator killed",
  "coordinator stopped",
  "coordinator paused",
  "agent killed",
  "agent paused",
  "agent stopped: drain",
  "agent stopped: now",
  "agent stopped: leave",
  "host restarted",
  "host gone for good",
  "node cut off the bus",
  "nodes cut off in silence",
  "bus outage",
  "power cut",
  "entries lost",
  "network disturbed",
  "message lost",
  "message doubled",
  "message overtaking",
  "object store away",
  "stream full",
  "streams restarted",
  "acknowledgement lost",
  "append sent twice",
  "slow disk",
  "disk full",
  "artifact damaged",
  "artifact gone",
  "process busy",
  "streams slow",
  "message late",
  "message repeated late",
  "agent's last words late",
  "agent with jobs away for long",
  "orders for a predecessor",
  "actor failed: records",
  "actor failed: orders",
  "actor failed: assignments",
  "all coordinators struck at a snapshot",
  "leader struck at its first word",
  "leader struck before its orders came",
  "leader struck at a record: assigned",
  "leader struck at a record: finished",
  "leader struck at a record: ended",
  "report with a wrong attempt",
  "report with a wrong lease",
  "report with a wrong agent",
  "report with a wrong incarnation",
  "snapshot stored",
  "snapshot spoiled: gone",
  "snapshot spoiled: damaged",
  "snapshot spoiled: entry",
  "snapshot spoiled: epoch",
  "snapshot spoiled: version",
  "snapshot spoiled: format",
  "snapshot spoiled: foreign",
  "run retried",
  "run of the past: succeeded",
  "run of the past: failed",
  "run of the past: unended",
  "run of the past retried",
  "retry held up while its run is collected",
  "run given up",
  "name of a run used again",
  "collection asked for",
  "collected: entry",
  "collected: chunk",
  "collected days later",
  "objects uploaded while they are swept",
  "leader struck while it collects: runs",
  "clock skewed",
  "clock stepped",
  "run cancelled",
  "job cancelled",
  "held, then released",
  "attempt failed",
  "attempt timeout",
  "attempt outOfMemory",
  "attempt lost, tried again",
  "attempt cancelled",
];
