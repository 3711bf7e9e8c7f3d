import { describe, expect, it } from "vitest";
import type { RunRecord } from "../../../coordinator/core/record.ts";
import type { Outcome } from "../../../shared/model/outcome.ts";
import { type Circumstances, executionProblems } from "../../chaos/executions.ts";
import type { RunAccount } from "../../chaos/run-account.ts";
import type { Outage } from "../../chaos/timeline.ts";

const succeeded: Outcome = { kind: "succeeded" };
const lost: Outcome = { kind: "lost", message: "its agent is gone" };

function assigned(attempt: number, agent: string, at: number): RunRecord {
  return { type: "assigned", at, job: 0, attempt, agent, incarnation: "i", lease: `lease${attempt}` };
}

function finished(attempt: number, outcome: Outcome, at: number): RunRecord {
  const retryDelayMs = outcome.kind === "succeeded" ? null : 0;
  const measures = { wallMs: 5, cpuMs: null, peakMemoryBytes: null, artifact: null, logBytes: 0 };
  return { type: "finished", at, job: 0, attempt, result: { outcome, ...measures }, retryDelayMs };
}

/** Attempt 1 on a1 from 1,000 to 9,000 is lost, attempt 2 on a2 succeeds. */
const lostOnce = [
  assigned(1, "a1", 1_000),
  finished(1, lost, 9_000),
  assigned(2, "a2", 9_000),
  finished(2, succeeded, 9_500),
];
const once = [assigned(1, "a1", 1_000), finished(1, succeeded, 1_500)];

function problems(
  records: readonly RunRecord[],
  executions: readonly string[],
  outages: readonly Outage[] = [],
) {
  const account: RunAccount = {
    run: "r",
    status: "succeeded",
    jobs: [],
    records: records.map((record) => ({ epoch: 1, record })),
    events: [],
    logs: new Map(),
    unreadable: [],
  };
  const times = { lostAfterMs: 5_000, heartbeatMs: 500 };
  const circumstances: Circumstances = { outages, ...times, servers: ["n1"], abandoning: ["a3"] };
  return executionProblems(account, executions, new Set(), circumstances);
}

describe("executions against the journal", () => {
  it("are right when what was accepted ran, once", () => {
    expect(problems(once, ["r/0/1/lease1"])).toEqual([]);
  });

  it("are wrong when a lease ran twice, or under another lease, or not at all", () => {
    expect(problems(once, ["r/0/1/lease1", "r/0/1/lease1"])).toEqual(["r/0/1/lease1 was executed 2 times"]);
    expect(problems(once, ["r/0/1/lease1", "r/0/1/other"])).toEqual([
      "r/0/1/other was executed and is not in the journal",
    ]);
    expect(problems(once, [])).toEqual(["r/0/1/lease1 was accepted and never executed"]);
  });

  const both = ["r/0/1/lease1", "r/0/2/lease2"];

  it("may be repeated when the agent was away until it was given up", () => {
    const outages: Outage[] = [{ target: "a1", kind: "pause", fromMs: 2_000, toMs: 9_000 }];
    expect(problems(lostOnce, both, outages)).toEqual([]);
  });

  it("may be repeated when outages of agent and server followed each other", () => {
    const outages: Outage[] = [
      { target: "n1", kind: "kill", fromMs: 2_000, toMs: 3_000 },
      { target: "a1", kind: "silence", fromMs: 3_500, toMs: 6_500 },
    ];
    expect(problems(lostOnce, both, outages)).toEqual([]);
  });

  it("may be repeated when the agent was told to end its jobs", () => {
    const onA3 = [assigned(1, "a3", 1_000), finished(1, lost, 2_000), ...lostOnce.slice(2)];
    const outages: Outage[] = [{ target: "a3", kind: "stop", fromMs: 1_800, toMs: 2_500 }];
    expect(problems(onA3, both, outages)).toEqual([]);
    const elsewhere = lostOnce.with(0, assigned(1, "a1", 1_000));
    expect(problems(elsewhere, both, [{ ...outages[0]!, target: "a1" }])).toHaveLength(1);
  });

  it("are wrong when an attempt was given up without a cause that was long enough", () => {
    expect(problems(lostOnce, both)).toHaveLength(1);
    const short: Outage = { target: "a1", kind: "kill", fromMs: 8_000, toMs: 8_500 };
    expect(problems(lostOnce, both, [short])).toHaveLength(1);
    const elsewhere: Outage = { target: "a2", kind: "pause", fromMs: 2_000, toMs: 9_000 };
    expect(problems(lostOnce, both, [elsewhere])).toHaveLength(1);
  });
});
