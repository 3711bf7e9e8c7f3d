import { expect, test } from "vitest";
import { beginTiming, onLook } from "../../../agent/core/time-limits.ts";

/** Looks every 100 ms until a limit is passed; gives when, and which. */
function firstPassed(limits: { runMs?: number; noOutputMs?: number }, bytesAt: (now: number) => number) {
  const timing = beginTiming(0);
  for (let now = 100; now < 60_000; now += 100) {
    const { passed } = onLook(timing, limits, bytesAt(now), now);
    if (passed !== undefined) return { now, limit: passed.limit };
  }
  return undefined;
}

test("judges the time since the start, and the time since there was output", () => {
  expect(firstPassed({ runMs: 5_000 }, () => 0)).toEqual({ now: 5_000, limit: "run" });
  expect(firstPassed({ noOutputMs: 3_000 }, () => 0)).toEqual({ now: 3_000, limit: "noOutput" });
  expect(firstPassed({ noOutputMs: 3_000 }, (now) => Math.min(now, 10_000))).toEqual({
    now: 13_000,
    limit: "noOutput",
  });
  expect(firstPassed({}, () => 0)).toBeUndefined();
});

test("takes a log that was truncated and written to for output", () => {
  const bytesAt = (now: number) => (now < 1_000 ? 50_000 : Math.min(now, 20_000));
  expect(firstPassed({ noOutputMs: 3_000 }, bytesAt)).toEqual({ now: 23_000, limit: "noOutput" });
});

test("counts what had passed of the time of a job that was taken over", () => {
  expect(onLook(beginTiming(100, 4_950), { runMs: 5_000 }, 0, 140).passed).toBeUndefined();
  expect(onLook(beginTiming(100, 4_950), { runMs: 5_000 }, 0, 150).passed).toMatchObject({ limit: "run" });
});

test("does not judge at a look that comes late, but at the next", () => {
  const timing = beginTiming(0);
  const limits = { runMs: 5_000, noOutputMs: 1_000 };
  expect(onLook(timing, limits, 10, 60_000)).toEqual({ hasOutput: true, passed: undefined });
  // However late that one is: an agent that is always late judges, too.
  expect(onLook(timing, limits, 10, 90_000).passed).toMatchObject({ limit: "run", limitMs: 5_000 });
});

test("is late when it comes 0.3 s after the look before it, however long ago the job began", () => {
  const timing = beginTiming(1e9);
  const limits = { runMs: 700 };
  for (const at of [300, 600]) expect(onLook(timing, limits, 0, 1e9 + at).passed).toBeUndefined();
  expect(onLook(timing, limits, 0, 1e9 + 900).passed).toMatchObject({ limit: "run" });
  expect(onLook(timing, limits, 0, 1e9 + 1_000).passed).toMatchObject({ limit: "run" });
  expect(onLook(timing, limits, 0, 1e9 + 1_301).passed).toBeUndefined();
  expect(onLook(timing, limits, 0, 1e9 + 1_400).passed).toMatchObject({ limit: "run" });
});
