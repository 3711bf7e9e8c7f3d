import { describe, expect, it } from "vitest";
import { remainingMs } from "../../../coordinator/cli/progress/remaining-time.ts";
import { emptyProgress, type RunProgress } from "../../../coordinator/cli/progress/run-progress.ts";

function progressOf(changes: Partial<RunProgress>): RunProgress {
  return { ...emptyProgress("r1"), submittedAtMs: 0, ...changes };
}

const done = (count: number) => ({
  done: count,
  reused: 0,
  failed: 0,
  allowed: 0,
  blocked: 0,
  skipped: 0,
  cancelled: 0,
});

describe("the estimate of the remaining time", () => {
  it("waits for a few jobs before it says anything", () => {
    const progress = progressOf({ jobs: 10, executed: 2, spentMs: 2000, ended: done(2) });
    expect(remainingMs(progress, 2000)).toBeUndefined();
  });

  it("divides what is left by what was done at a time", () => {
    // Twenty seconds of work in ten seconds: two at a time. Ten more such jobs take ten more seconds.
    const progress = progressOf({ jobs: 20, executed: 10, spentMs: 20_000, ended: done(10) });
    expect(remainingMs(progress, 10_000)).toBe(10_000);
  });

  it("counts in the overhead of jobs that take no time themselves", () => {
    const progress = progressOf({ jobs: 200, executed: 100, spentMs: 0, ended: done(100) });
    expect(remainingMs(progress, 5_000)).toBe(5_000);
  });

  it("gives a running job credit for what it has behind it", () => {
    const running = new Map([
      ["x", { job: "x", attempt: 1, agent: "h", startedAtMs: 9_500, progress: null }],
    ]);
    const progress = progressOf({ jobs: 11, executed: 10, spentMs: 9_500, ended: done(10), running });
    expect(remainingMs(progress, 10_000)).toBeCloseTo(450, 6);
  });

  it("is what the leader says, where it knows these jobs, and never less than nothing", () => {
    const progress = progressOf({
      jobs: 20,
      executed: 10,
      spentMs: 20_000,
      ended: done(10),
      expectedEndAtMs: 90_000,
    });
    expect(remainingMs(progress, 10_000)).toBe(80_000);
    expect(remainingMs(progressOf({ jobs: 20, expectedEndAtMs: 90_000 }), 10_000)).toBe(80_000);
    expect(remainingMs(progress, 95_000)).toBe(0);
    expect(remainingMs({ ...progress, wallMs: 1 }, 10_000)).toBeUndefined();
  });

  it("says nothing once nothing is left", () => {
    const progress = progressOf({ jobs: 10, executed: 10, spentMs: 1000, ended: done(10) });
    expect(remainingMs(progress, 1000)).toBeUndefined();
  });
});
