import { expect, test } from "vitest";
import { beginStop, isStopOver } from "../../../agent/core/stopping.ts";

const nothingOpen = { working: false, unsettled: 0, freeing: 0 };
const unsettled = { ...nothingOpen, unsettled: 1 };
const working = { ...unsettled, working: true };

test("a drain waits for its jobs as long as they take, then a while for their reports", () => {
  const stopping = beginStop(undefined, "drain", 0);
  expect(isStopOver(stopping, working, 1e9)).toBe("not yet");
  expect(isStopOver(stopping, unsettled, 1e9 + 1)).toBe("not yet");
  expect(isStopOver(stopping, { ...nothingOpen, freeing: 1 }, 1e9 + 2)).toBe("not yet");
  expect(isStopOver(stopping, { ...nothingOpen, working: true }, 1e9 + 2)).toBe("not yet");
  expect(isStopOver(stopping, unsettled, 1e9 + 10_001)).toBe("unsettled");
  expect(isStopOver(stopping, nothingOpen, 1e9 + 2)).toBe("settled");
});

test("a stop at once is over within seconds, whatever still hangs", () => {
  const stopping = beginStop(undefined, "now", 1e9);
  expect(isStopOver(stopping, working, 1e9 + 3_999)).toBe("not yet");
  expect(isStopOver(stopping, working, 1e9 + 4_000)).toBe("unsettled");
});

test("leaving waits for nothing", () => {
  expect(isStopOver(beginStop(undefined, "leave", 0), working, 0)).toBe("unsettled");
});

test("a second stop only makes it quicker", () => {
  const drain = beginStop(undefined, "drain", 0);
  expect(beginStop(drain, "drain", 5)).toBe(drain);
  expect(beginStop(drain, "now", 5)).toMatchObject({ mode: "now", since: 5 });
  const now = beginStop(undefined, "now", 0);
  expect(beginStop(now, "drain", 5)).toBe(now);
  expect(beginStop(now, "leave", 5)).toBe(now);
});
