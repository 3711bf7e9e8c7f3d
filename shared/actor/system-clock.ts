import type { Cancel, Clock } from "./contract.ts";

/** The longest delay a timer of Node takes; it fires a longer one at once. */
const LONGEST_MS = 2 ** 31 - 1;

/** Real time. A delay of 0 lets input that has arrived go first. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
  schedule: (delayMs, run) => (delayMs <= 0 ? nextTurn(run) : timer(delayMs, run)),
  untilTick: (intervalMs) => untilTick(intervalMs, performance.now()),
};

/** A timer of Node may come early: what is left of its tick then is no tick of its own. */
const EARLY_SHARE = 0.2;

/** Ticks are at the multiples of their interval. */
export function untilTick(intervalMs: number, nowMs: number): number {
  const restMs = intervalMs - (nowMs % intervalMs);
  return restMs < EARLY_SHARE * intervalMs ? restMs + intervalMs : restMs;
}

function nextTurn(run: () => void): Cancel {
  const immediate = setImmediate(run);
  return () => clearImmediate(immediate);
}

function timer(delayMs: number, run: () => void): Cancel {
  if (delayMs <= LONGEST_MS) {
    const timeout = setTimeout(run, delayMs);
    return () => clearTimeout(timeout);
  }
  let cancel = timer(LONGEST_MS, () => {
    cancel = timer(delayMs - LONGEST_MS, run);
  });
  return () => cancel();
}
