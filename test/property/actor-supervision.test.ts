import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Supervision } from "../../shared/actor/contract.ts";
import { type RestartHistory, superviseFailure } from "../../shared/actor/supervision.ts";

/** Times of the restarts that a sequence of failures leads to; it goes on after an escalation, as after a new start. */
function restartsOf(supervision: Supervision, gaps: readonly number[], fraction = 0) {
  const restarts: number[] = [];
  const refusals: number[] = [];
  const delays: number[] = [];
  let history: RestartHistory = [];
  let nowMs = 0;
  for (const gap of gaps) {
    nowMs += gap;
    const verdict = superviseFailure(supervision, "restart", history, nowMs, fraction);
    if (verdict.kind === "restart") {
      restarts.push(nowMs);
      delays.push(verdict.delayMs);
      history = verdict.history;
    } else {
      refusals.push(nowMs);
    }
  }
  return { restarts, refusals, delays, history };
}

const gaps = fc.array(fc.integer({ min: 0, max: 500 }), { maxLength: 200 });
const limits = fc.record({
  maxRestarts: fc.integer({ min: 0, max: 6 }),
  windowMs: fc.integer({ min: 1, max: 2000 }),
});

describe("supervision", () => {
  it("never restarts more often than allowed within any window, and never refuses below that", () => {
    fc.assert(
      fc.property(limits, gaps, (supervision, failures) => {
        const { restarts, refusals, history } = restartsOf(supervision, failures);
        const { maxRestarts, windowMs } = supervision;
        const within = (atMs: number): number =>
          restarts.filter((restart) => restart <= atMs && atMs - restart < windowMs).length;
        for (const restart of restarts) expect(within(restart)).toBeLessThanOrEqual(maxRestarts);
        for (const refusal of refusals) expect(within(refusal)).toBeGreaterThanOrEqual(maxRestarts);
        expect(history.length).toBeLessThanOrEqual(maxRestarts);
      }),
    );
  });

  it("keeps every delay within the backoff's bounds, and grows it with the failures of a window", () => {
    fc.assert(
      fc.property(
        limits,
        gaps,
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        (limit, failures, fraction) => {
          const backoff = { minMs: 100, maxMs: 1500 };
          const { delays } = restartsOf({ ...limit, backoff }, failures, fraction);
          for (const delay of delays) {
            expect(delay).toBeGreaterThanOrEqual(backoff.minMs * 0.8);
            expect(delay).toBeLessThanOrEqual(backoff.maxMs);
          }
          const burst = restartsOf(
            { maxRestarts: 6, windowMs: 10, backoff },
            [0, 0, 0, 0, 0, 0],
            fraction,
          ).delays;
          expect(burst).toEqual(burst.toSorted((a, b) => a - b));
        },
      ),
    );
  });

  it("follows the directives to stop and to escalate, whatever the history", () => {
    for (const directive of ["stop", "escalate"] as const) {
      expect(superviseFailure({}, directive, [1, 2, 3], 4, 0).kind).toBe(directive);
    }
  });
});
