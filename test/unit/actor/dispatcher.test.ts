import { describe, expect, it } from "vitest";
import type { Clock } from "../../../shared/actor/contract.ts";
import { Dispatcher, type Runnable } from "../../../shared/actor/dispatcher.ts";

/** A clock that moves only as runnables spend time; the test runs the slices. */
class SpentTime implements Clock {
  nowMs = 0;
  readonly scheduled: (() => void)[] = [];

  now(): number {
    return this.nowMs;
  }

  monotonicMs(): number {
    return this.nowMs;
  }

  schedule(_delayMs: number, run: () => void): () => void {
    this.scheduled.push(run);
    return () => undefined;
  }

  /** Runs one slice, and says how long it took. */
  slice(): number {
    const startedMs = this.nowMs;
    this.scheduled.shift()?.();
    return this.nowMs - startedMs;
  }
}

/** Takes so many turns of a batch each, every step of which takes its time. */
function worker(clock: SpentTime, dispatcher: Dispatcher, turns: number, stepMs: number): Runnable {
  const runnable: Runnable = {
    run: (batch) => {
      clock.nowMs += batch * stepMs;
      if (--turns > 0) dispatcher.enqueue(runnable);
      return batch;
    },
  };
  return runnable;
}

describe("the dispatcher", () => {
  it("gives the event loop a turn after a few milliseconds and a batch at most", () => {
    const clock = new SpentTime();
    const dispatcher = new Dispatcher(clock);
    for (const stepMs of [0.001, 0.1, 1]) dispatcher.enqueue(worker(clock, dispatcher, 500, stepMs));
    let slices = 0;
    while (clock.scheduled.length > 0) {
      expect(clock.slice()).toBeLessThan(25);
      slices++;
    }
    expect(slices).toBeGreaterThan(400);
  });

  it("ends a slice also where time stands still", () => {
    const clock = new SpentTime();
    const dispatcher = new Dispatcher(clock);
    dispatcher.enqueue(worker(clock, dispatcher, Number.POSITIVE_INFINITY, 0));
    clock.slice();
    clock.slice();
    expect(clock.scheduled).toHaveLength(1);
  });

  it("asks for one slice at a time, and goes on after a runnable that throws", () => {
    const clock = new SpentTime();
    const dispatcher = new Dispatcher(clock);
    const seen: string[] = [];
    dispatcher.enqueue({
      run: () => {
        throw new Error("broken");
      },
    });
    dispatcher.enqueue({ run: () => seen.push("next") });
    expect(clock.scheduled).toHaveLength(1);
    expect(() => clock.slice()).toThrow("broken");
    clock.slice();
    expect(seen).toEqual(["next"]);
    expect(clock.scheduled).toHaveLength(0);
  });
});
