/**
 * Which ended runs are given up. A run goes when it ended longer ago than runs are kept for, or when more runs have
 * ended since than are kept; the latter never takes one that has just ended, as somebody may be fetching what it made.
 */
import type { RecordOf, RunRecord } from "./record.ts";

/** Both may be infinite: nothing is given up by age, or by count. */
export interface RetentionPolicy {
  readonly keepRunsForMs: number;
  readonly keepRuns: number;
}

/** An ended run as its last entry tells it. */
export interface EndedRun {
  readonly run: string;
  readonly seq: number;
  readonly ended: RecordOf<"ended">;
}

/** After its end a run is kept for so long, however many have ended since. */
const FRESH_MS = 3600_000;

/** The runs to give up, oldest first. `now` is by the clock that the records' times come from. */
export function expiredRuns(ended: readonly EndedRun[], policy: RetentionPolicy, now: number): EndedRun[] {
  const newestFirst = ended.toSorted((a, b) => b.ended.at - a.ended.at);
  const expired = newestFirst.filter(({ ended: { at } }, place) => {
    const ageMs = now - at;
    return ageMs > policy.keepRunsForMs || (place >= policy.keepRuns && ageMs > FRESH_MS);
  });
  return expired.reverse();
}

/** What a run's last entry says of it. A run that is `removed` is known to nobody any more; only its traces are left. */
export function standingOf(records: readonly RunRecord[]): "living" | "ended" | "removed" {
  const last = records.at(-1);
  if (last?.type !== "ended") return "living";
  return last.removed === true ? "removed" : "ended";
}
