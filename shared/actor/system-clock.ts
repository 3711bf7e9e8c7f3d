import type { Cancel, Clock } from "./contract.ts";

/** The longest delay a timer of Node takes; it fires a longer one at once. */
const LONGEST_MS = 2 ** 31 - 1;

/** Real time. A delay of 0 lets input that has arrived go first. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
  schedule: (delayMs, run) => (delayMs <= 0 ? nextTurn(run) : timer(delayMs, run)),
};

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
