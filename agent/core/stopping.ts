/**
 * When an agent that is to stop has stopped.
 *
 * - `drain`: takes nothing new, waits for its jobs, then for their reports to be settled.
 * - `now`: ends its jobs, then waits a short time for the same.
 * - `leave`: stops at once; jobs go on for a successor.
 *
 * Live: with no coordinator to settle anything, the wait for it has a limit. What is unsettled after a drain stays
 * on disk, and the next agent there reports it.
 */
export type StopMode = "drain" | "now" | "leave";

export interface Stopping {
  readonly mode: StopMode;
  readonly since: number;
  /** Since when nothing runs and only reports are open. */
  idleSince: number | undefined;
}

/** `settled`: nothing is open; `unsettled`: reports are, and are not waited for any longer. */
export type StopVerdict = "not yet" | "settled" | "unsettled";

const SETTLE_LIMIT_MS = { drain: 10_000, now: 2_000, leave: 0 } as const;
/** What `now` means, whatever still runs or is being stored: whoever asked for it waits no longer. */
const NOW_LIMIT_MS = 4_000;

/** A repeated stop only ever makes it quicker: `now` overrides `drain`, and nothing overrides `now`. */
export function beginStop(stopping: Stopping | undefined, mode: StopMode, now: number): Stopping {
  if (stopping === undefined || (stopping.mode === "drain" && mode !== "drain")) {
    return { mode, since: now, idleSince: undefined };
  }
  return stopping;
}

export interface StillOpen {
  /** Attempts run, wait or are being collected. */
  readonly working: boolean;
  /** Reports without an answer. */
  readonly unsettled: number;
  /** Settled attempts whose files are being removed. */
  readonly freeing: number;
}

/** Decides whether the agent may go. */
export function isStopOver(stopping: Stopping, open: StillOpen, now: number): StopVerdict {
  if (stopping.mode === "leave") return "unsettled";
  if (stopping.mode === "now" && now - stopping.since >= NOW_LIMIT_MS) return "unsettled";
  if (open.working) return "not yet";
  stopping.idleSince ??= now;
  if (open.unsettled === 0 && open.freeing === 0) return "settled";
  return now - stopping.idleSince >= SETTLE_LIMIT_MS[stopping.mode] ? "unsettled" : "not yet";
}
