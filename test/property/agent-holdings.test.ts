import fc from "fast-check";
import { expect, test } from "vitest";
import { attemptKey } from "../../agent/core/attempt-key.ts";
import * as holdings from "../../agent/core/holdings.ts";
import type { JobRequest } from "../../shared/model/messages.ts";
import { jobRequest } from "../unit/agent/request.ts";

const capacity = { slots: 3, cpu: 4, memoryBytes: 100 };

const step = fc.record({
  kind: fc.constantFrom(
    "start",
    "repeat",
    "cancel",
    "recall",
    "settle",
    "commandEnded",
    "finished",
    "drain",
    "resume",
    "trouble",
    "room",
  ),
  which: fc.nat(1000),
  cpu: fc.integer({ min: 1, max: 5 }),
});

/** What the model knows of an attempt: launches and reports, in order. */
interface Seen {
  readonly request: JobRequest;
  launches: number;
  running: boolean;
  readonly reports: string[];
  settled: boolean;
}

test("whatever comes in whatever order: never over capacity, launched once, one answer for each attempt", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const held = holdings.emptyHoldings(capacity, null);
      const seen: Seen[] = [];
      const byKey = new Map<string, Seen>();
      let now = 0;

      const apply = (effects: readonly holdings.HoldingEffect[]) => {
        for (const effect of effects) {
          if (effect.kind !== "launch") continue;
          const attempt = byKey.get(effect.key)!;
          attempt.launches += 1;
          attempt.running = true;
        }
        for (const item of holdings.takeReport(held, now)) {
          const reports = byKey.get(attemptKey(item))!.reports;
          const said = JSON.stringify(item);
          if (item.kind !== "started" && !reports.includes(said)) reports.push(said);
        }
      };
      const end = (attempt: Seen) => {
        attempt.running = false;
        apply(
          holdings.onFinished(
            held,
            attemptKey(attempt.request),
            holdings.withoutRun({ kind: "succeeded" }),
            now,
          ),
        );
      };

      for (const { kind, which, cpu } of steps) {
        now += 700;
        if (kind === "start") {
          const request = jobRequest({ spec: { resources: { cpu } } });
          const attempt = { request, launches: 0, running: false, reports: [], settled: false };
          seen.push(attempt);
          byKey.set(attemptKey(request), attempt);
          apply(holdings.onStartOrdered(held, request, now));
        } else if (kind === "drain" || kind === "resume") {
          apply(holdings.onModeChanged(held, kind === "drain" ? "draining" : "active", now));
        } else if (kind === "trouble" || kind === "room") {
          holdings.onTroubleChanged(held, kind === "trouble" ? "no room" : undefined, now);
          apply([]);
        } else if (seen.length > 0) {
          const attempt = seen[which % seen.length]!;
          const { request } = attempt;
          // The order channel never delivers an order again, so not after the attempt was settled.
          if (attempt.settled && kind !== "finished" && kind !== "commandEnded") continue;
          if (kind === "repeat") apply(holdings.onStartOrdered(held, request, now));
          if (kind === "cancel") apply(holdings.onCancelOrdered(held, request, now));
          if (kind === "recall") apply(holdings.onRecallOrdered(held, request, now));
          if (kind === "settle" && attempt.reports.length > 0) {
            attempt.settled = true;
            apply(holdings.onSettleOrdered(held, request));
          }
          if (kind === "commandEnded" && attempt.running)
            apply(holdings.onCommandEnded(held, attemptKey(request)));
          if (kind === "finished" && attempt.running) end(attempt);
        }
        expect(held.slots.taken).toBeLessThanOrEqual(capacity.slots);
        expect(held.slots.cpuTaken).toBeLessThanOrEqual(capacity.cpu);
        expect(held.slots.cpuTaken).toBeGreaterThanOrEqual(0);
      }

      // Live: once everything that runs ends, everything that waits runs, and every attempt has its answer.
      holdings.onTroubleChanged(held, undefined, now);
      apply(holdings.onModeChanged(held, "active", now));
      for (let round = 0; round <= seen.length; round += 1)
        for (const it of seen.filter((at) => at.running)) end(it);
      expect(holdings.isIdle(held)).toBe(true);
      for (const attempt of seen) {
        expect(attempt.launches).toBeLessThanOrEqual(1);
        expect(attempt.reports).toHaveLength(1);
      }
    }),
    { numRuns: 500 },
  );
});
