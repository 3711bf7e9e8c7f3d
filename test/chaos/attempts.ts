/** The attempts of a run as its journal tells them. Pure. */
import type { Outcome } from "../../shared/model/outcome.ts";
import type { JournalRecord } from "./run-account.ts";

export interface Attempt {
  readonly job: number;
  readonly attempt: number;
  readonly lease: string;
  readonly agent: string;
  readonly assignedAtMs: number;
  /** How it ended, in order; more than one is one too many. */
  readonly ends: AttemptEnd[];
}

export interface AttemptEnd {
  readonly atMs: number;
  /** Null when it was given back. */
  readonly outcome: Outcome | null;
  /** The result of the job: it is not tried again. */
  readonly isAccepted: boolean;
}

/** In the order in which they were assigned. */
export function attemptsOf(records: readonly JournalRecord[]): Attempt[] {
  const attempts = new Map<string, Attempt>();
  for (const { record } of records) {
    switch (record.type) {
      case "assigned": {
        const { job, attempt, lease, agent, at } = record;
        attempts.set(`${job}/${attempt}`, { job, attempt, lease, agent, assignedAtMs: at, ends: [] });
        break;
      }
      case "returned":
      case "finished": {
        const isFinished = record.type === "finished";
        attempts.get(`${record.job}/${record.attempt}`)?.ends.push({
          atMs: record.at,
          outcome: isFinished ? record.result.outcome : null,
          isAccepted: isFinished && record.retryDelayMs === null,
        });
        break;
      }
      default:
    }
  }
  return [...attempts.values()];
}
