import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  emptyProgress,
  endedJobs,
  onRunEvent,
  type RunProgress,
  waitingJobs,
} from "../../../coordinator/cli/progress/run-progress.ts";
import type { RunEvent } from "../../../shared/model/event.ts";
import {
  blocked,
  failed,
  finished,
  measured,
  numbered,
  started,
  submitted,
  succeeded,
} from "./run-event-samples.ts";

function fold(events: readonly RunEvent[]): RunProgress {
  const progress = emptyProgress("r1");
  for (const event of events) onRunEvent(progress, event);
  return progress;
}

describe("run progress", () => {
  it("counts jobs as waiting until they start", () => {
    const progress = fold(numbered([submitted(3), started("a"), succeeded("a"), started("b")]));
    expect(waitingJobs(progress)).toBe(1);
    expect([...progress.running.keys()]).toEqual(["b"]);
    expect(progress.ended.done).toBe(1);
  });

  it("takes a job that ended without having been seen to start", () => {
    const progress = fold(numbered([submitted(1), succeeded("a")]));
    expect(endedJobs(progress)).toBe(1);
    expect(waitingJobs(progress)).toBe(0);
  });

  it("groups blocked jobs under their root cause", () => {
    const progress = fold(
      numbered([
        submitted(4),
        started("a"),
        failed("a"),
        blocked("b", "a"),
        blocked("c", "a"),
        finished("failed"),
      ]),
    );
    expect(progress.failures.map(({ job }) => job)).toEqual(["a"]);
    expect(progress.blocked.get("a")).toEqual(["b", "c"]);
    expect(progress.status).toBe("failed");
  });

  it("keeps an allowed failure out of the root causes", () => {
    const progress = fold(numbered([submitted(1), failed("a", 1, true)]));
    expect(progress.failures).toEqual([]);
    expect(progress.ended).toMatchObject({ failed: 0, allowed: 1 });
  });

  it("shows a retried job as waiting until its next attempt", () => {
    const retrying = {
      type: "job.retrying",
      job: "a",
      attempt: 1,
      agent: "host-1",
      outcome: { kind: "timeout", limit: "run", limitMs: 5 },
      delayMs: 0,
      ...measured,
    } as const;
    const events = numbered([submitted(1), started("a"), retrying, started("a", 2)]);
    expect(waitingJobs(fold(events.slice(0, 3)))).toBe(1);
    expect(fold(events).running.get("a")?.attempt).toBe(2);
  });

  it("ignores events it has seen before", () => {
    const events = numbered([submitted(2), succeeded("a"), failed("b")]);
    expect(fold([...events, ...events.slice(1)])).toEqual(fold(events));
  });

  it("is safe with jobs called like members of objects", () => {
    const progress = fold(numbered([submitted(2), failed("__proto__"), blocked("constructor", "__proto__")]));
    expect(progress.blocked.get("__proto__")).toEqual(["constructor"]);
  });

  it("accounts for every job in any history", () => {
    const history = fc.array(
      fc.tuple(fc.constantFrom("started", "succeeded", "failed", "blocked"), fc.nat(5)),
      {
        maxLength: 30,
      },
    );
    fc.assert(
      fc.property(history, (steps) => {
        const over = new Set<number>();
        const bodies = steps.flatMap(([kind, number]) => {
          if (over.has(number)) return [];
          if (kind !== "started") over.add(number);
          const job = `job-${number}`;
          if (kind === "started") return [started(job)];
          if (kind === "blocked") return [blocked(job, "x")];
          return [kind === "failed" ? failed(job) : succeeded(job)];
        });
        const blockedRunning = bodies.some(
          (body, index) =>
            body.type === "job.blocked" &&
            bodies.slice(0, index).some((earlier) => "job" in earlier && earlier.job === body.job),
        );
        fc.pre(!blockedRunning);
        const progress = fold(numbered([submitted(6), ...bodies]));
        expect(waitingJobs(progress) + progress.running.size + endedJobs(progress)).toBe(6);
      }),
    );
  });
});
