import { describe, expect, it } from "vitest";
import { JobAttempts } from "../../../shared/client/job-attempts.ts";
import type { AttemptView } from "../../../shared/model/api.ts";
import type { RunEvent } from "../../../shared/model/event.ts";
import { type EventBody, jobView, measured } from "../../support/fake-coordinator.ts";

const head = { v: 1, seq: 1, run: "r", at: "2026-01-01T00:00:00Z" } as const;
const event = (body: EventBody): RunEvent => ({ ...head, ...body }) as RunEvent;
const on = (attempt: number) => ({ job: "build", attempt, agent: "a1" });
const exit1 = { kind: "failed", reason: "exit", exitCode: 1 } as const;

function attemptView(attempt: number, change: Partial<AttemptView> = {}): AttemptView {
  return {
    attempt,
    agent: "a1",
    outcome: null,
    startedAt: "2026-01-01T00:00:00Z",
    endedAt: null,
    returned: null,
    wallMs: null,
    cpuMs: null,
    peakMemoryBytes: null,
    logBytes: null,
    ranOn: null,
    implicit: false,
    progress: null,
    ...change,
  };
}

describe("a job's attempts", () => {
  it("begin and end as the events say", () => {
    const attempts = new JobAttempts();
    expect(attempts.onView(jobView("build"))).toEqual([]);
    expect(attempts.onEvent(event({ type: "job.started", ...on(1) }))).toEqual([
      { kind: "attemptStarted", attempt: 1, agent: "a1" },
    ]);
    const retrying = event({
      type: "job.retrying",
      ...on(1),
      outcome: exit1,
      delayMs: 0,
      ...measured,
      logBytes: 5,
    });
    expect(attempts.onEvent(retrying)).toEqual([
      { kind: "attemptEnded", attempt: 1, outcome: exit1, retried: true, logBytes: 5 },
    ]);
    const succeeded = event({ type: "job.succeeded", ...on(2), artifact: null, ...measured });
    expect(attempts.onEvent(succeeded).map(({ kind }) => kind)).toEqual([
      "attemptStarted",
      "attemptEnded",
      "ended",
    ]);
  });

  it("are told from the view alone once the job has ended", () => {
    const view = jobView("build", {
      phase: "failed",
      reason: "exit status 1",
      attempts: [
        attemptView(1, { startedAt: null, returned: "the agent is draining" }),
        attemptView(2, { outcome: exit1, logBytes: 3 }),
        attemptView(3, { outcome: exit1, logBytes: 4 }),
      ],
    });
    expect(new JobAttempts().onView(view)).toEqual([
      { kind: "attemptStarted", attempt: 2, agent: "a1" },
      { kind: "attemptEnded", attempt: 2, outcome: exit1, retried: true, logBytes: 3 },
      { kind: "attemptStarted", attempt: 3, agent: "a1" },
      { kind: "attemptEnded", attempt: 3, outcome: exit1, retried: false, logBytes: 4 },
      { kind: "ended", phase: "failed", outcome: exit1, reason: "exit status 1" },
    ]);
  });

  it("are not told again by events that the view was ahead of", () => {
    const attempts = new JobAttempts();
    const ended = attemptView(1, { outcome: exit1, logBytes: 3 });
    expect(
      attempts.onView(jobView("build", { phase: "running", attempts: [ended, attemptView(2)] })),
    ).toHaveLength(3);
    expect(attempts.onEvent(event({ type: "job.started", ...on(1) }))).toEqual([]);
    const retrying = event({ type: "job.retrying", ...on(1), outcome: exit1, delayMs: 0, ...measured });
    expect(attempts.onEvent(retrying)).toEqual([]);
    expect(attempts.onEvent(event({ type: "job.started", ...on(2) }))).toEqual([]);
    expect(attempts.onEvent(event({ type: "job.cancelled", job: "build", reason: "on request" }))).toEqual([
      { kind: "attemptEnded", attempt: 2, outcome: { kind: "cancelled" }, retried: false, logBytes: null },
      { kind: "ended", phase: "cancelled", outcome: { kind: "cancelled" }, reason: "on request" },
    ]);
  });

  it("may be none at all", () => {
    const blocked = event({ type: "job.blocked", job: "build", rootCause: "fetch" });
    expect(new JobAttempts().onEvent(blocked)).toEqual([
      { kind: "ended", phase: "blocked", outcome: null, reason: "fetch failed" },
    ]);
  });
});
