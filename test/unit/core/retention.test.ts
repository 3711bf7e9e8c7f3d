import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { RecordOf } from "../../../coordinator/core/record.ts";
import { type EndedRun, expiredRuns, standingOf } from "../../../coordinator/core/retention.ts";
import { recordedRun } from "../../support/recorded-run.ts";

const HOUR_MS = 3600_000;
const NOW = 1_000 * HOUR_MS;

function endedRun(run: string, endedAt: number): EndedRun {
  return { run, seq: 1, ended: recordedRun({ endedAt }).at(-1) as RecordOf<"ended"> };
}

const runs = fc
  .array(fc.integer({ min: 0, max: NOW }), { maxLength: 30 })
  .map((ends) => ends.map((endedAt, index) => endedRun(`r${index}`, endedAt)));

describe("retention", () => {
  it("gives up what ended too long ago, and what is beyond the count unless it has just ended", () => {
    const policy = fc.record({
      keepRunsForMs: fc.oneof(fc.integer({ min: 0, max: NOW }), fc.constant(Number.POSITIVE_INFINITY)),
      keepRuns: fc.oneof(fc.integer({ min: 0, max: 30 }), fc.constant(Number.POSITIVE_INFINITY)),
    });
    fc.assert(
      fc.property(runs, policy, (ended, { keepRunsForMs, keepRuns }) => {
        const expired = expiredRuns(ended, { keepRunsForMs, keepRuns }, NOW);
        const gone = new Set(expired.map(({ run }) => run));
        const kept = ended.filter(({ run }) => !gone.has(run));
        const isFresh = ({ ended: { at } }: EndedRun) => NOW - at <= HOUR_MS;
        for (const run of kept) expect(NOW - run.ended.at).toBeLessThanOrEqual(keepRunsForMs);
        for (const run of kept) expect(isFresh(run) || countAfter(run, ended) < keepRuns).toBe(true);
        for (const run of expired) {
          const isTooOld = NOW - run.ended.at > keepRunsForMs;
          expect(
            isTooOld || (!isFresh(run) && countAfter(run, ended) + countSame(run, ended) >= keepRuns),
          ).toBe(true);
        }
      }),
    );
  });

  it("keeps everything when it is told to", () => {
    const policy = { keepRunsForMs: Number.POSITIVE_INFINITY, keepRuns: Number.POSITIVE_INFINITY };
    expect(expiredRuns([endedRun("r1", 0)], policy, NOW)).toEqual([]);
  });

  it("gives up the oldest first", () => {
    const ended = [endedRun("young", 3), endedRun("old", 1), endedRun("middle", 2)];
    const expired = expiredRuns(ended, { keepRunsForMs: 0, keepRuns: 0 }, NOW);
    expect(expired.map(({ run }) => run)).toEqual(["old", "middle", "young"]);
  });

  it("takes a run for ended, or removed, by its last record alone", () => {
    const records = recordedRun({ endedAt: 5 });
    const last = records.at(-1) as RecordOf<"ended">;
    expect(standingOf(records.slice(0, -1))).toBe("living");
    expect(standingOf(records)).toBe("ended");
    expect(standingOf([{ ...last, removed: true }])).toBe("removed");
    expect(standingOf([])).toBe("living");
  });
});

function countAfter({ ended: { at } }: EndedRun, all: readonly EndedRun[]): number {
  return all.filter((other) => other.ended.at > at).length;
}

/** Others that ended at the same time: any of them may count first. */
function countSame({ run, ended: { at } }: EndedRun, all: readonly EndedRun[]): number {
  return all.filter((other) => other.run !== run && other.ended.at === at).length;
}
