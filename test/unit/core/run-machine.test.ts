import { describe, expect, it } from "vitest";
import { agentsFailedOn, restMs } from "../../../coordinator/core/retry.ts";
import * as decide from "../../../coordinator/core/run-decide.ts";
import { fold } from "../../../coordinator/core/run-fold.ts";
import { liveAttempt, newRunState } from "../../../coordinator/core/run-state.ts";
import { viewJob } from "../../../coordinator/core/run-view.ts";
import type { Outcome } from "../../../shared/model/outcome.ts";
import { failed, RunDriver, resultOf, succeeded } from "../../support/run-driver.ts";

const diamond = { a: {}, b: { needs: ["a"] }, c: { needs: ["a"] }, d: { needs: ["b", "c"] } };

describe("a run", () => {
  it("makes a job ready only when all it needs has succeeded", () => {
    const run = new RunDriver(diamond);
    expect(run.phases()).toEqual({ a: "ready", b: "waiting", c: "waiting", d: "waiting" });
    run.execute("a");
    run.execute("b");
    expect(run.phase("d")).toBe("waiting");
    run.execute("c");
    expect(run.phase("d")).toBe("ready");
    run.execute("d");
    expect(run.state.status).toBe("succeeded");
  });

  it("keeps what the marks of a job say, once, and starts it with that if nobody has said so", () => {
    const run = new RunDriver({ a: {} });
    run.grant("a");
    run.tell("a", "build", null);
    run.tell("a", "build", null);
    run.tell("a", "build", 40);
    expect(run.records.map(({ type }) => type).slice(2)).toEqual(["progressed", "progressed"]);
    expect(run.changes.map(({ kind }) => kind).slice(-3)).toEqual(["started", "progressed", "progressed"]);
    expect(viewJob(run.state, 0).attempts[0]).toMatchObject({ progress: { phase: "build", percent: 40 } });
    run.finish("a");
    expect(run.phase("a")).toBe("succeeded");
  });

  it("keeps that no mark says that a job succeeded", () => {
    const run = new RunDriver({ a: {} });
    run.grant("a");
    const { attempt = 0, lease = "" } = run.state.jobs[0]?.attempts[0] ?? {};
    const ended = { result: resultOf(succeeded), implicit: true };
    const item = { kind: "finished", run: "r1", job: 0, attempt, lease, ...ended } as const;
    run.record(decide.onReported(run.state, "host", item, run.now, 0).records);
    expect(run.state.jobs[0]?.attempts[0]?.isImplicit).toBe(true);
  });

  it("blocks everything downstream of a failure, names the root cause, and finishes the rest", () => {
    const run = new RunDriver({ ...diamond, e: { needs: ["d"] }, free: {} });
    run.execute("a");
    run.execute("b", failed);
    expect(run.phases()).toMatchObject({ d: "blocked", e: "blocked", c: "ready", free: "ready" });
    expect(run.state.jobs[run.index("e")]?.rootCause).toBe(run.index("b"));
    expect(run.state.status).toBe("running");
    run.execute("c");
    run.execute("free");
    expect(run.state.status).toBe("failed");
    expect(run.state.counts).toMatchObject({ succeeded: 3, failed: 1, blocked: 2 });
  });

  it("lets dependants go on after a failure that is allowed, and succeeds", () => {
    const run = new RunDriver({ a: { allowFailure: true }, b: { needs: ["a"] } });
    run.execute("a", failed);
    expect(run.phase("b")).toBe("ready");
    run.execute("b");
    expect(run.state.status).toBe("succeeded");
  });

  it("runs `always` after any end of its needs and `onFailure` only after a bad one", () => {
    const sketch = {
      a: {},
      mid: { needs: ["a"] },
      clean: { needs: ["mid"], when: "always" },
      alarm: { needs: ["mid"], when: "onFailure" },
      afterAlarm: { needs: ["alarm"] },
    } as const;
    const bad = new RunDriver(sketch);
    bad.execute("a", failed);
    expect(bad.phases()).toMatchObject({
      mid: "blocked",
      clean: "ready",
      alarm: "ready",
      afterAlarm: "waiting",
    });
    const good = new RunDriver(sketch);
    good.execute("a");
    good.execute("mid");
    expect(good.phases()).toMatchObject({ clean: "ready", alarm: "skipped", afterAlarm: "skipped" });
    good.execute("clean");
    expect(good.state.status).toBe("succeeded");
  });

  it("cancels what waits and what runs when it fails fast, and counts as failed", () => {
    const run = new RunDriver({ a: {}, b: {}, c: { needs: ["b"] } }, { keepGoing: false });
    run.grant("b");
    run.execute("a", failed);
    expect(run.phases()).toEqual({ a: "failed", b: "assigned", c: "cancelled" });
    run.finish("b", { kind: "cancelled" });
    expect(run.phase("b")).toBe("cancelled");
    expect(run.state.status).toBe("failed");
  });

  it("does not end fast for a failure that is allowed", () => {
    const run = new RunDriver({ a: { allowFailure: true }, b: {} }, { keepGoing: false });
    run.execute("a", failed);
    expect(run.phase("b")).toBe("ready");
    run.execute("b");
    expect(run.state.status).toBe("succeeded");
  });

  it("ends as cancelled once the last attempt has ended, and keeps a result that came first", () => {
    const run = new RunDriver({ a: {}, b: {}, c: { needs: ["a"] } });
    run.grant("a");
    run.grant("b");
    run.record(decide.onCancelRequested(run.state, { job: null, by: "me", reason: "enough" }, run.now));
    expect(run.state.status).toBe("cancelling");
    run.finish("a");
    expect(run.phases()).toEqual({ a: "succeeded", b: "assigned", c: "cancelled" });
    run.finish("b", { kind: "cancelled" });
    expect(run.state).toMatchObject({ status: "cancelled", reason: "enough" });
    expect(decide.onCancelRequested(run.state, { job: null, by: "me", reason: "again" }, run.now)).toEqual(
      [],
    );
  });

  it("cancels one job and blocks what needs it", () => {
    const run = new RunDriver(diamond);
    run.execute("a");
    run.record(decide.onCancelRequested(run.state, { job: run.index("b"), by: "me", reason: "no" }, run.now));
    expect(run.phases()).toMatchObject({ b: "cancelled", c: "ready", d: "blocked" });
    run.execute("c");
    expect(run.state).toMatchObject({ status: "failed", reason: null });
  });

  it("that its coordinator gives up says why", () => {
    const run = new RunDriver({ a: {}, b: {}, c: { needs: ["a"] } });
    run.execute("a");
    run.grant("b");
    const reason = "its actors failed";
    run.record([{ type: "aborted", at: run.now + 7, reason }]);
    expect(run.state).toMatchObject({ status: "infrastructure", reason });
    expect(run.phases()).toEqual({ a: "succeeded", b: "cancelled", c: "cancelled" });
    expect(run.state.jobs[1]).toMatchObject({ reason, attempts: [{ endedAt: run.now + 7 }] });
    const ends = run.changes.filter(({ kind }) => kind === "cancelled");
    expect(ends).toMatchObject([
      { job: 1, attempt: { agent: "host" } },
      { job: 2, attempt: null },
    ]);
  });

  it("refuses a grant for a job that is held, running or final", () => {
    const run = new RunDriver({ a: {}, b: { priority: 0 } });
    expect(run.grant("b")).toBe(false);
    expect(run.grant("a")).toBe(true);
    expect(run.grant("a")).toBe(false);
    run.finish("a");
    expect(run.grant("a")).toBe(false);
  });
});

describe("a cancelled job", () => {
  const cancel = (run: RunDriver, job: number | null) =>
    run.record(decide.onCancelRequested(run.state, { job, by: "me", reason: "no" }, run.now));

  it("gives its slot back when its agent returns it unstarted", () => {
    for (const job of [0, null]) {
      const run = new RunDriver({ a: {}, b: { needs: ["a"] } });
      run.grant("a");
      cancel(run, job);
      expect(run.phase("a")).toBe("assigned");
      run.giveBack("a");
      expect(run.state.jobs[0]).toMatchObject({ phase: "cancelled", reason: "no" });
      expect(run.changes).toContainEqual(
        expect.objectContaining({ kind: "cancelled", job: 0, attempt: expect.anything() }),
      );
    }
  });

  it("ends at once while it waits for its next attempt, or is held", () => {
    const run = new RunDriver({ a: { retries: { max: 1, backoffMs: 60_000 } }, b: { priority: 0 } });
    run.execute("a", failed);
    cancel(run, 0);
    cancel(run, 1);
    expect(run.phases()).toEqual({ a: "cancelled", b: "cancelled" });
    expect(run.state.endedAt).not.toBeNull();
  });

  it("is not tried again when its attempt fails or is lost on the way to its end", () => {
    for (const outcome of [failed, { kind: "lost", message: "gone" } satisfies Outcome]) {
      const run = new RunDriver({ a: { retries: { max: 5 } } });
      run.grant("a");
      cancel(run, 0);
      run.finish("a", outcome);
      expect(run.phase("a")).toBe("cancelled");
    }
  });

  it("has the result of the attempt that was ended for it", () => {
    for (const job of [0, null]) {
      const run = new RunDriver({ a: {} });
      run.grant("a");
      cancel(run, job);
      run.finish("a", { kind: "cancelled" });
      expect(run.state.jobs[0]).toMatchObject({
        phase: "cancelled",
        attempts: [{ result: { outcome: { kind: "cancelled" }, wallMs: 5 }, returned: null }],
      });
    }
  });

  it("keeps a success that crosses its cancelling", () => {
    const run = new RunDriver({ a: {}, b: { needs: ["a"] } });
    run.grant("a");
    cancel(run, 0);
    run.finish("a");
    expect(run.phases()).toEqual({ a: "succeeded", b: "ready" });
  });
});

describe("a report", () => {
  it("is refused with an old lease and settled again when it was accepted before", () => {
    const run = new RunDriver({ a: {}, b: {} });
    run.grant("a");
    const attempt = liveAttempt(run.state.jobs[0] as never);
    const item = { kind: "finished", run: "r1", job: 0, attempt: 1, result: resultOf(succeeded) } as const;
    const forged = decide.onReported(run.state, "host", { ...item, lease: "forged" }, run.now, 0);
    expect(forged).toEqual({ records: [], settles: true, refusal: "staleLease" });
    run.finish("a");
    const known = { ...item, lease: attempt?.lease ?? "" };
    const repeated = decide.onReported(run.state, "host", known, run.now, 0);
    expect(repeated).toEqual({ records: [], settles: true });
  });

  it("is refused from another agent than the one that has the lease", () => {
    const run = new RunDriver({ a: {} });
    run.grant("a", "host");
    const { lease = "" } = liveAttempt(run.state.jobs[0] as never) ?? {};
    const item = {
      kind: "finished",
      run: "r1",
      job: 0,
      attempt: 1,
      lease,
      result: resultOf(succeeded),
    } as const;
    const stolen = decide.onReported(run.state, "thief", item, run.now, 0);
    expect(stolen).toEqual({ records: [], settles: true, refusal: "otherAgent" });
    expect(decide.onReported(run.state, "host", item, run.now, 0).records).toHaveLength(1);
  });

  it("puts a job back that was returned, without counting it as a failure", () => {
    const run = new RunDriver({ a: {} });
    run.grant("a");
    const { lease = "" } = liveAttempt(run.state.jobs[0] as never) ?? {};
    const item = { kind: "returned", run: "r1", job: 0, attempt: 1, lease, reason: "draining" } as const;
    run.record(decide.onReported(run.state, "host", item, run.now, 0).records);
    expect(run.phase("a")).toBe("ready");
    run.execute("a");
    expect(run.state.jobs[0]?.attempts.map((attempt) => attempt.attempt)).toEqual([1, 2]);
    expect(run.state.status).toBe("succeeded");
  });
});

describe("a retry", () => {
  it("follows a failure as often as the job allows, with a growing delay", () => {
    const run = new RunDriver({ a: { retries: { max: 2, backoffMs: 1000 } } });
    run.execute("a", failed);
    run.execute("a", failed);
    run.execute("a", failed);
    expect(run.state.status).toBe("failed");
    const delays = run.changes.flatMap((change) => (change.kind === "retrying" ? [change.delayMs] : []));
    expect(delays).toEqual([1000, 2000]);
  });

  it("keeps to the causes and exit statuses that were named", () => {
    const retries = { max: 3, on: ["failure" as const], exitCodes: [75] };
    const other = new RunDriver({ a: { retries } });
    other.execute("a", failed);
    expect(other.phase("a")).toBe("failed");
    const named = new RunDriver({ a: { retries } });
    named.execute("a", { kind: "failed", reason: "exit", exitCode: 75 });
    expect(named.phase("a")).toBe("ready");
    named.execute("a", { kind: "timeout", limit: "run", limitMs: 5 });
    expect(named.phase("a")).toBe("failed");
    // Exit statuses say nothing of other causes.
    const both = new RunDriver({ a: { retries: { ...retries, on: ["failure", "timeout"] } } });
    both.execute("a", { kind: "timeout", limit: "run", limitMs: 5 });
    expect(both.phase("a")).toBe("ready");
    both.execute("a", { kind: "failed", reason: "signal", signal: "SIGSEGV" });
    expect(both.phase("a")).toBe("failed");
  });

  it("does not spend the job's retries on lost attempts, and ends as lost after five of them", () => {
    const run = new RunDriver({ a: { retries: { max: 1 } } });
    const lost: Outcome = { kind: "lost", message: "the host is gone" };
    for (let loss = 1; loss <= 4; loss++) {
      run.grant("a");
      run.record(decide.onAttemptLost(run.state, 0, lost.message, run.now, 0));
      expect(run.phase("a")).toBe("ready");
      expect(run.state.jobs[0]?.attempts.at(-1)?.result?.outcome).toEqual(lost);
    }
    run.execute("a", failed);
    expect(run.phase("a")).toBe("ready");
    run.grant("a", "other");
    run.record(decide.onAttemptLost(run.state, 0, lost.message, run.now, 0));
    expect(run.state.jobs[0]?.attempts.at(-1)?.result?.outcome).toEqual({
      kind: "lost",
      message: "the host is gone; lost 5 times, on host, host, host, host, other",
    });
    expect(run.state.status).toBe("failed");
  });

  it("comes at once after the first loss, and later after each further one", () => {
    const run = new RunDriver({ a: {} });
    for (let loss = 1; loss <= 4; loss++) {
      run.grant("a");
      run.record(decide.onAttemptLost(run.state, 0, "gone", run.now, 0.5));
    }
    const delays = run.changes.flatMap((change) => (change.kind === "retrying" ? [change.delayMs] : []));
    expect(delays).toEqual([0, 1000, 2000, 4000]);
  });

  it("does not count attempts that were given back, or ended to hold the job", () => {
    const run = new RunDriver({ a: { retries: { max: 1 } } });
    run.grant("a");
    run.giveBack("a");
    run.grant("a");
    run.finish("a", { kind: "cancelled" });
    run.execute("a", failed);
    expect(run.phase("a")).toBe("ready");
    expect(agentsFailedOn(run.state.jobs[0]?.attempts ?? [])).toEqual(["host"]);
  });

  it("avoids the agents that refuse the job, and on which it failed or was lost, not those that gave it back", () => {
    const run = new RunDriver({ a: { retries: { max: 3 } } });
    run.grant("a", "drains");
    run.giveBack("a");
    run.grant("a", "refuses");
    run.giveBack("a", "the agent can't read the request");
    run.grant("a", "silent");
    run.record(decide.onAttemptLost(run.state, 0, "gone", run.now, 0));
    run.grant("a", "broken");
    run.finish("a", failed);
    expect(agentsFailedOn(run.state.jobs[0]?.attempts ?? [])).toEqual(["broken", "refuses", "silent"]);
  });

  it("comes at once after the first refusal, and later after each further one in a row, but within a minute", () => {
    const run = new RunDriver({ a: {} });
    const rest = (now = run.now) => restMs(run.state.jobs[0]?.attempts ?? [], now);
    const rests = Array.from({ length: 9 }, () => {
      run.grant("a");
      run.giveBack("a", "the disk is full");
      return rest();
    });
    expect(rests).toEqual([0, 1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]);
    expect([59_000, 70_000, -1].map((ms) => rest(run.now + ms))).toEqual([1000, 0, 0]);
    run.grant("a");
    run.giveBack("a");
    expect(rest()).toBe(0);
    run.grant("a");
    run.giveBack("a", "the disk is full");
    run.grant("a");
    run.record(decide.onAttemptLost(run.state, 0, "gone", run.now, 0));
    run.grant("a");
    run.giveBack("a", "the disk is full");
    expect(rest()).toBe(0);
  });

  it("is made no earlier by a hold that ends before it is due", () => {
    const run = new RunDriver({ a: { retries: { max: 1, backoffMs: 60_000 } } });
    run.execute("a", failed);
    const dueAt = run.state.jobs[0]?.readyAt ?? 0;
    expect(dueAt).toBeGreaterThan(run.now);
    for (const priority of [0, 500]) {
      run.record(decide.onPriorityRequested(run.state, { job: 0, priority }, run.now));
    }
    expect(run.state.jobs[0]?.readyAt).toBe(dueAt);
  });

  it("is not made after a loss where the job forbids it", () => {
    const run = new RunDriver({ a: { rerunAfterLoss: false } });
    run.grant("a");
    run.record(decide.onAttemptLost(run.state, 0, "gone", run.now, 0));
    expect(run.phase("a")).toBe("failed");
    expect(run.state.jobs[0]?.attempts[0]?.result?.outcome).toEqual({
      kind: "lost",
      message: "gone; lost once, on host",
    });
  });
});

describe("a limit on the wait for a slot", () => {
  const limited = { a: { timeouts: { queueMs: 1_000 } }, b: { needs: ["a"] } };
  const outcome: Outcome = { kind: "timeout", limit: "queue", limitMs: 1_000 };

  function check(run: RunDriver) {
    const { records, recalls } = decide.onQueueCheck(run.state, [run.index("a")], run.now);
    run.record(records);
    return recalls;
  }

  it("fails a job in the queue when it has passed, and blocks its dependants", () => {
    const run = new RunDriver(limited);
    run.now += 999;
    check(run);
    expect(run.phase("a")).toBe("ready");
    run.now += 1;
    expect(check(run)).toEqual([]);
    expect(run.state.jobs[0]?.outcome).toEqual(outcome);
    expect(run.phases()).toEqual({ a: "failed", b: "blocked" });
  });

  it("recalls a job from an agent's backlog and fails it when it comes back, not before", () => {
    const run = new RunDriver(limited);
    run.grant("a");
    run.now += 1_000;
    expect(check(run)).toEqual([{ job: 0, agent: "host" }]);
    expect(run.phase("a")).toBe("assigned");
    run.giveBack("a");
    expect(run.phase("a")).toBe("failed");
    expect(run.state.jobs[0]?.outcome).toEqual(outcome);
  });

  it("counts on while agents give the job back unstarted, and is over once it runs", () => {
    const run = new RunDriver(limited);
    run.grant("a");
    run.now += 600;
    run.giveBack("a");
    expect(run.phase("a")).toBe("ready");
    run.grant("a");
    run.now += 600;
    expect(check(run)).toHaveLength(1);
    run.finish("a");
    expect(run.phase("a")).toBe("succeeded");
  });

  it("begins anew for a job that had started, and comes back all the same", () => {
    const run = new RunDriver(limited);
    run.grant("a");
    run.tell("a", "build", null);
    run.now += 5_000;
    expect(check(run)).toEqual([]);
    run.giveBack("a");
    run.now += 999;
    check(run);
    expect(run.phase("a")).toBe("ready");
    run.now += 1;
    check(run);
    expect(run.phase("a")).toBe("failed");
  });

  it("recalls from the agent that has the job now, while it waits there", () => {
    const run = new RunDriver(limited);
    const recalls = [{ job: 0, agent: "host" }];
    expect(decide.onRecalled(run.state, recalls)).toEqual([]);
    run.grant("a");
    expect(decide.onRecalled(run.state, recalls)).toMatchObject([
      { agent: "host", order: { kind: "recall", job: 0, attempt: 1 } },
    ]);
    expect(decide.onRecalled(run.state, [{ job: 0, agent: "other" }])).toEqual([]);
    run.tell("a", "build", null);
    expect(decide.onRecalled(run.state, recalls)).toEqual([]);
  });

  it("fails no job that is cancelled when it comes back", () => {
    const run = new RunDriver(limited);
    run.grant("a");
    run.now += 1_000;
    run.record(decide.onCancelRequested(run.state, { job: 0, by: "me", reason: "no" }, run.now));
    expect(run.giveBack("a").records.map(({ type }) => type)).toEqual(["returned"]);
    expect(run.phase("a")).toBe("cancelled");
  });

  it("does not count while the job or the run is held", () => {
    for (const job of [0, null]) {
      const run = new RunDriver(limited);
      run.record(decide.onPriorityRequested(run.state, { job, priority: 0 }, run.now));
      run.now += 5_000;
      check(run);
      run.record(decide.onPriorityRequested(run.state, { job, priority: 500 }, run.now));
      check(run);
      expect(run.phase("a")).toBe("ready");
      run.now += 1_000;
      check(run);
      expect(run.phase("a")).toBe("failed");
    }
  });
});

describe("the fold", () => {
  it("comes to the same state and event numbers from the same records", () => {
    const run = new RunDriver(diamond);
    run.execute("a");
    run.execute("b", failed);
    run.execute("c");
    const { graph, specs, vars, options, submittedAt } = run.state;
    const again = newRunState("r1", { vars: [...vars], jobs: [...specs] }, graph, {
      name: null,
      options,
      at: submittedAt,
    });
    for (const record of structuredClone(run.records)) fold(again, record);
    expect(again).toEqual(run.state);
    expect(again.eventSeq).toBe(run.changes.length);
  });

  it("reaches the end of a chain of 100,000 blocked jobs", () => {
    const length = 100_000;
    const jobs = Array.from({ length }, (_, index) => ({
      name: `j${index}`,
      run: { script: "true" },
      needs: index === 0 ? [] : [{ job: `j${index - 1}` }],
    }));
    const run = new RunDriver(jobs);
    run.execute("j0", failed);
    expect(run.state.counts.blocked).toBe(length - 1);
    expect(run.state.status).toBe("failed");
  }, 120_000);
});
