import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ListeningClock } from "../../../coordinator/core/listening-clock.ts";

describe("a listening clock", () => {
  it("keeps pace with time while its echoes come", () => {
    const clock = new ListeningClock(100, 2_000);
    for (let nowMs = 600; nowMs <= 10_100; nowMs += 500) expect(clock.onEcho(nowMs)).toBe(false);
    expect(clock.nowMs).toBe(10_000);
  });

  it("stands still without echoes, and tells of the end of an outage once", () => {
    const clock = new ListeningClock(0, 2_000);
    clock.onEcho(500);
    expect(clock.onEcho(60_500)).toBe(true);
    expect(clock.nowMs).toBe(2_500);
    expect(clock.onEcho(61_000)).toBe(false);
    expect(clock.nowMs).toBe(3_000);
  });

  it("never goes back, and never ahead of time", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(5_000)), (gaps) => {
        const clock = new ListeningClock(0, 2_000);
        let nowMs = 0;
        for (const ms of gaps) {
          const before = clock.nowMs;
          nowMs += ms;
          clock.onEcho(nowMs);
          expect(clock.nowMs).toBeGreaterThanOrEqual(before);
          expect(clock.nowMs).toBeLessThanOrEqual(nowMs);
        }
      }),
    );
  });
});
