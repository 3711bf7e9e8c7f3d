/**
 * What becomes of an actor that threw: pure decisions, time and chance passed in.
 *
 * 1. Within any window of `windowMs` an actor restarts at most `maxRestarts` times; the next failure is escalated, or
 *    stops it where the parent has said so (`exhausted`).
 * 2. The n-th restart of a window waits `minMs` doubled n-1 times, at most `maxMs`, less up to a fifth by chance, so that
 *    actors which failed together do not come back together. Without `backoff` it does not wait.
 * 3. The history never holds more than `maxRestarts` entries.
 */
import type { Directive, Supervision } from "./contract.ts";

const DEFAULT_MAX_RESTARTS = 5;
const DEFAULT_WINDOW_MS = 60_000;
const JITTER = 0.2;

/** Times of the restarts that still count, oldest first, on the clock that never jumps. */
export type RestartHistory = readonly number[];

export type Verdict =
  | { readonly kind: "restart"; readonly delayMs: number; readonly history: RestartHistory }
  | { readonly kind: "stop" }
  | { readonly kind: "escalate"; readonly because: "directive" | "intensity" };

/** Decides on one failure; `directive` is what the parent's `decide` said of the error. */
export function superviseFailure(
  supervision: Supervision,
  directive: Directive,
  history: RestartHistory,
  nowMs: number,
  fraction: number,
): Verdict {
  if (directive === "stop") return { kind: "stop" };
  if (directive === "escalate") return { kind: "escalate", because: "directive" };
  const { maxRestarts = DEFAULT_MAX_RESTARTS, windowMs = DEFAULT_WINDOW_MS } = supervision;
  const counted = history.filter((restartedMs) => nowMs - restartedMs < windowMs);
  if (counted.length >= maxRestarts) {
    return supervision.exhausted === "stop" ? { kind: "stop" } : { kind: "escalate", because: "intensity" };
  }
  return {
    kind: "restart",
    delayMs: backoffMs(supervision, counted.length, fraction),
    history: [...counted, nowMs],
  };
}

function backoffMs(supervision: Supervision, earlier: number, fraction: number): number {
  if (supervision.backoff === undefined) return 0;
  const { minMs, maxMs } = supervision.backoff;
  return Math.min(maxMs, minMs * 2 ** earlier) * (1 - JITTER * fraction);
}
