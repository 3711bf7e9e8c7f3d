import { describe, expect, it } from "vitest";
import { ClockWatch } from "../../../coordinator/core/clock-watch.ts";
import type { RunRecord } from "../../../coordinator/core/record.ts";
import * as decide from "../../../coordinator/core/run-decide.ts";
import { failed, RunDriver } from "../../support/run-driver.ts";

const HOUR_MS = 3_600_000;
const limited = { a: { timeouts: { queueMs: 10_000 } } };

const overdue = (run: RunDriver): RunRecord[] =>
  decide.onQueueCheck(run.state, [run.index("a")], run.now).records;

describe("a limit on the wait for a slot", () => {
  it("lasts as long as it says when the leader's clock is set, in either direction", () => {
    for (const stepMs of [HOUR_MS, -HOUR_MS]) {
      const run = new RunDriver(limited);
      run.now += 9_000 + stepMs;
      run.record(decide.onClockSet(run.state, stepMs, run.now));
      run.now += 999;
      expect(overdue(run)).toEqual([]);
      run.now += 1;
      expect(overdue(run)).toHaveLength(1);
    }
  });

  it("does not run while nobody leads, nor by the clock of the next leader's host", () => {
    for (const skewMs of [HOUR_MS, -HOUR_MS, 0]) {
      const run = new RunDriver(limited);
      run.now += 9_000;
      run.record(decide.onPriorityRequested(run.state, { job: null, priority: 400 }, run.now));
      run.now += 60_000 + skewMs;
      run.record(decide.onTakenOver(run.state, run.now));
      run.now += 999;
      expect(overdue(run)).toEqual([]);
      run.now += 1;
      expect(overdue(run)).toHaveLength(1);
    }
  });

  it("is judged as ever after a claim of the version that did not say how the clocks differ", () => {
    const run = new RunDriver(limited);
    run.now += 60_000;
    run.record([{ type: "claimed", at: run.now, shiftMs: 0 }]);
    expect(overdue(run)).toHaveLength(1);
  });
});

describe("a wait before a retry", () => {
  it("moves with the clock, and what is ready then keeps its distance, too", () => {
    const run = new RunDriver({ a: { retries: { max: 1, backoffMs: 5_000 } }, b: { needs: ["a"] } });
    run.execute("a", failed);
    const before = (run.state.jobs[0]?.readyAt ?? 0) - run.now;
    run.now += HOUR_MS;
    run.record(decide.onClockSet(run.state, HOUR_MS, run.now));
    expect((run.state.jobs[0]?.readyAt ?? 0) - run.now).toBe(before);
    expect(run.state.jobs[1]?.readyAt).toBeNull();
  });
});

describe("the watch over the wall clock", () => {
  it("tells each step once, and no drift of milliseconds", () => {
    const watch = new ClockWatch(1_000_000, 0);
    expect(watch.onRead(1_060_030, 60_000)).toBe(0);
    expect(watch.onRead(1_060_030 + HOUR_MS, 60_000)).toBe(HOUR_MS + 30);
    expect(watch.onRead(1_070_030 + HOUR_MS, 70_000)).toBe(0);
    expect(watch.onRead(1_080_000, 80_000)).toBe(-HOUR_MS - 30);
  });

  it("tells drift when it has become as much as a step", () => {
    const watch = new ClockWatch(0, 0);
    let told = 0;
    for (let seconds = 1; seconds <= 3_600; seconds++) told += watch.onRead(seconds * 1_001, seconds * 1_000);
    expect(told).toBeGreaterThan(3_000);
    expect(told).toBeLessThanOrEqual(3_600);
  });
});
