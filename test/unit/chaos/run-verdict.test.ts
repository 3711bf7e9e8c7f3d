import { describe, expect, it } from "vitest";
import type { RunRecord } from "../../../coordinator/core/record.ts";
import type { JobView, RunEvent } from "../../../shared/client/index.ts";
import type { RunAccount } from "../../chaos/run-account.ts";
import { contradictions, differencesFromCalm, unlikeStored } from "../../chaos/run-verdict.ts";

const at = "2026-01-01T00:00:00.000Z";
const artifact = { digest: "a".repeat(64), files: 1, bytes: 5 };
const measures = { wallMs: 5, cpuMs: null, peakMemoryBytes: null, logBytes: 0 };

const job: JobView = {
  job: "build",
  index: 0,
  phase: "succeeded",
  priority: 500,
  attempts: [],
  artifact,
  rootCause: null,
  reason: null,
  carriedFrom: null,
  reusedFrom: null,
};

const assigned: RunRecord = {
  ...{ type: "assigned", at: 1, job: 0, attempt: 1 },
  ...{ agent: "a1", incarnation: "i", lease: "l" },
};
const finished: RunRecord = {
  ...{ type: "finished", at: 2, job: 0, attempt: 1, retryDelayMs: null },
  result: { outcome: { kind: "succeeded" }, ...measures, artifact },
};

const common = { v: 1, run: "r", at } as const;
const events: RunEvent[] = [
  { ...common, type: "run.submitted", seq: 1, name: null, jobs: 1, priority: 500 },
  { ...common, ...measures, type: "job.succeeded", seq: 2, job: "build", attempt: 1, agent: "a1", artifact },
  {
    ...common,
    type: "run.finished",
    seq: 3,
    status: "succeeded",
    counts: {} as never,
    wallMs: 9,
    reason: null,
  },
];

const sound: RunAccount = {
  run: "r",
  status: "succeeded",
  jobs: [job],
  records: [
    { epoch: 1, record: assigned },
    { epoch: 2, record: finished },
  ],
  events,
  logs: new Map([["build", "b".repeat(64)]]),
  unreadable: [],
};

describe("the verdict on a run", () => {
  it("finds nothing wrong with a run that went as the calm one", () => {
    expect(differencesFromCalm(sound, { ...sound, records: [], events: [] })).toEqual([]);
    expect(contradictions(sound)).toEqual([]);
    expect(unlikeStored(sound.events, sound.events)).toEqual([]);
  });

  it.each<[string, Partial<RunAccount>]>([
    ["status", { status: "failed" }],
    ["end of build", { jobs: [{ ...job, phase: "failed" }] }],
    ["artifact of build", { jobs: [{ ...job, artifact: { ...artifact, digest: "c".repeat(64) } }] }],
    ["log of build", { logs: new Map([["build", "7 bytes of 9, 0 said to be lost"]]) }],
    ["artifact can't be fetched", { unreadable: ["build: corrupt"] }],
  ])("tells another %s", (what, change) => {
    const found = differencesFromCalm({ ...sound, ...change }, sound);
    expect(found).toHaveLength(1);
    expect(found[0]).toContain(what);
  });

  it.each<[string, Partial<RunAccount>]>([
    [
      "a finished of epoch 1 stands behind epoch 2",
      {
        records: [
          { epoch: 2, record: assigned },
          { epoch: 1, record: finished },
        ],
      },
    ],
    [
      "attempt 1 of job 0 ended 2 times",
      { records: [...sound.records, { epoch: 2, record: { ...finished, retryDelayMs: 0 } }] },
    ],
    ["build is succeeded and has 0 accepted results", { records: sound.records.slice(0, 1) }],
    ["event 3 stands where 2 should", { events: [events[0]!, events[2]!] }],
    ["the last event is not run.finished", { events: events.slice(0, 2) }],
    [
      "build has ended twice",
      { events: [events[0]!, events[1]!, { ...events[1]!, seq: 3 }, { ...events[2]!, seq: 4 }] },
    ],
  ])("tells that %s", (what, change) => {
    expect(contradictions({ ...sound, ...change })).toEqual([what]);
  });

  it("tells when a watcher saw an event twice or missed one", () => {
    expect(unlikeStored([events[0]!, ...events], events)).toHaveLength(1);
    expect(unlikeStored(events.slice(1), events)).toHaveLength(1);
  });
});
