import { expect, it } from "vitest";
import { jobCost, ownCpuMs } from "../../bench/account/job-cost.ts";
import { treeTimeOf } from "../../bench/account/processor-time.ts";
import { overBudget } from "../../bench/budgets.ts";
import { atLeast, isMet, ratioAtMost } from "../../bench/line.ts";
import { readOptions } from "../../bench/options.ts";
import { median } from "../../bench/series.ts";
import { resultLines } from "../../bench/table.ts";

const ours = { unit: "ms", values: [20, 30, 100] } as const;
const theirs = { unit: "ms", values: [10, 20, 25] } as const;
const counters = {
  messagesIn: 0,
  messagesOut: 0,
  bytesIn: 0,
  bytesOut: 0,
  journalAppends: 0,
  eventMessages: 0,
  roundTrips: 0,
};
const times = { coordinatorMs: 1, agentMs: 2, serverMs: 3, shellsMs: 4, clientMs: 5 };

it("judges the median of the ratios of each round", () => {
  const line = { what: "work", ours, beside: { who: "make", series: theirs } };
  expect(isMet({ ...line, target: ratioAtMost(2) })).toBe(true);
  expect(isMet({ ...line, target: ratioAtMost(1.9) })).toBe(false);
  expect(isMet(line)).toBeUndefined();
});

it("judges our own median where nothing stands beside it", () => {
  expect(isMet({ what: "work", ours, target: atLeast(30) })).toBe(true);
  expect(isMet({ what: "work", ours, target: atLeast(31) })).toBe(false);
});

it("takes the middle of an even number of values", () => {
  expect(median([4, 1, 3, 2])).toBe(2.5);
});

it("shows what was measured, what stands beside it and whether the target is met", () => {
  const line = { row: 1, what: "work", ours, beside: { who: "make", series: theirs } };
  const [, row] = resultLines([{ ...line, target: ratioAtMost(1.75) }]);
  expect(row).toMatch(/1 +work +30\.0 ms +make 20\.0 ms +2\.00x \(1\.50-4\.00\) +<= 1\.75x +NO/);
});

it("shares the difference of two readings among the jobs between them", () => {
  const before = { times, counters };
  const after = { times: { ...times, agentMs: 12, shellsMs: 44 }, counters: { ...counters, messagesIn: 70 } };
  const cost = jobCost("work", 10, before, after);
  expect(cost.counters.messagesIn).toBe(7);
  expect(cost.times.shellsMs).toBe(4);
  expect(ownCpuMs(cost)).toBe(1);
});

it("names what is over its budget, whatever the size of the groups", () => {
  const costWith = (messagesIn: number) => {
    const after = { ...counters, messagesIn, journalAppends: 1, roundTrips: 2 };
    return jobCost("layered", 1, { times, counters }, { times, counters: after });
  };
  expect(overBudget(costWith(9))).toEqual([]);
  const sentence = /^layered: messages beside those of groups: 95\.000 a job, the budget is \d/;
  expect(overBudget(costWith(99))).toEqual([expect.stringMatching(sentence)]);
});

it("counts the time of a process and of its children apart", () => {
  const { ownMs, childrenMs } = treeTimeOf(process.pid);
  expect(ownMs).toBeGreaterThan(0);
  expect(childrenMs).toBeGreaterThanOrEqual(0);
});

it("takes the rows to measure as a list, and refuses what it does not know", () => {
  expect(readOptions(["--rows", "1,12", "--short"])).toMatchObject({ rows: new Set([1, 12]), short: true });
  expect(() => readOptions(["--rows", "one"])).toThrow("numbers with commas");
  expect(() => readOptions(["--fast"])).toThrow("--fast");
});
