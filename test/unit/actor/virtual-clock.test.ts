import { describe, expect, it } from "vitest";
import { systemClock, untilTick } from "../../../shared/actor/system-clock.ts";
import { VirtualClock } from "../../../shared/actor/virtual-clock.ts";

describe("the virtual clock", () => {
  it("runs what is due in order of time, then of scheduling", async () => {
    const clock = new VirtualClock();
    const seen: string[] = [];
    const note = (name: string) => () => seen.push(`${name}@${clock.monotonicMs()}`);
    clock.schedule(20, note("c"));
    clock.schedule(10, note("a"));
    clock.schedule(10, note("b"));
    clock.schedule(30, note("d"));
    await clock.advance(25);
    expect(seen).toEqual(["a@10", "b@10", "c@20"]);
    expect(clock.monotonicMs()).toBe(25);
    expect(clock.pending).toBe(1);
  });

  it("does not run what was cancelled", async () => {
    const clock = new VirtualClock();
    let runs = 0;
    const cancel = clock.schedule(5, () => runs++);
    cancel();
    cancel();
    expect(clock.pending).toBe(0);
    await clock.advance(10);
    expect(runs).toBe(0);
    expect(clock.pending).toBe(0);
  });

  it("lets promises go on between two steps", async () => {
    const clock = new VirtualClock();
    const seen: string[] = [];
    clock.schedule(1, async () => {
      for (let step = 0; step < 20; step++) await Promise.resolve();
      seen.push("first");
    });
    clock.schedule(1, () => seen.push("second"));
    await clock.advance(1);
    expect(seen).toEqual(["first", "second"]);
  });

  it("stops as soon as a condition holds", async () => {
    const clock = new VirtualClock();
    let ticks = 0;
    const tick = (): void => {
      ticks++;
      clock.schedule(100, tick);
    };
    clock.schedule(100, tick);
    expect(await clock.runUntil(() => ticks === 3)).toBe(true);
    expect(clock.monotonicMs()).toBe(300);
    expect(await clock.runUntil(() => ticks === 1000, 1000)).toBe(false);
  });

  it("hands on what a callback throws", async () => {
    const clock = new VirtualClock();
    clock.schedule(1, () => {
      throw new Error("broken");
    });
    await expect(clock.advance(2)).rejects.toThrow("broken");
  });
});

describe("the system clock", () => {
  it("fires at once for a delay of 0, and not before time otherwise", async () => {
    const startedMs = systemClock.monotonicMs();
    const order: string[] = [];
    await new Promise<void>((resolve) => {
      systemClock.schedule(20, () => {
        order.push("later");
        resolve();
      });
      systemClock.schedule(0, () => order.push("soon"));
    });
    expect(order).toEqual(["soon", "later"]);
    expect(systemClock.monotonicMs() - startedMs).toBeGreaterThanOrEqual(19);
  });

  it("does not fire a delay beyond the longest timer at once", async () => {
    let fired = false;
    const cancel = systemClock.schedule(2 ** 40, () => {
      fired = true;
    });
    await new Promise<void>((resolve) => systemClock.schedule(10, resolve));
    cancel();
    expect(fired).toBe(false);
  });

  it("ticks at the multiples of an interval, and once for a timer that came early", () => {
    expect(untilTick(500, 1_234)).toBe(266);
    expect(untilTick(500, 1_500)).toBe(500);
    expect(untilTick(500, 1_499.5)).toBe(500.5);
  });
});
