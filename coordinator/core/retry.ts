/**
 * Whether a failed attempt is followed by another one, and when. A job's own failures are counted against its
 * `retries`; losses of infrastructure (an agent gone) have a cap of their own, so that one bad job cannot walk
 * through the fleet, and a burning host does not use up a job's retries.
 */
import type { JobSpec, RetryCause } from "../../shared/model/job-spec.ts";
import type { Outcome } from "../../shared/model/outcome.ts";
import type { Attempt } from "./run-state.ts";

/** Attempts of one job that may be lost to infrastructure before it fails as `lost`. */
export const MAX_LOSSES = 5;

const MAX_BACKOFF_MS = 10 * 60_000;

/**
 * Milliseconds to wait before the next attempt, or null when there is none. `earlier` are the attempts before this
 * outcome; `chance` in [0, 1) spreads retries of jobs that failed together.
 */
export function retryDelayMs(
  spec: JobSpec,
  earlier: readonly Attempt[],
  outcome: Outcome,
  chance: number,
): number | null {
  if (outcome.kind === "lost") {
    const losses = earlier.filter((attempt) => attempt.result?.outcome.kind === "lost").length + 1;
    return spec.rerunAfterLoss && losses < MAX_LOSSES ? 0 : null;
  }
  if (!mayRetry(spec, outcome)) return null;
  const failures = earlier.filter(
    (attempt) => attempt.result !== null && causeOf(attempt.result.outcome) !== null,
  );
  if (failures.length >= spec.retries.max) return null;
  const backoffMs = Math.min(spec.retries.backoffMs * 2 ** failures.length, MAX_BACKOFF_MS);
  return Math.round(backoffMs * (0.5 + chance));
}

function mayRetry(spec: JobSpec, outcome: Outcome): boolean {
  const cause = causeOf(outcome);
  if (cause === null || !spec.retries.on.includes(cause)) return false;
  const { exitCodes } = spec.retries;
  if (exitCodes === undefined || cause !== "failure") return true;
  return outcome.kind === "failed" && outcome.reason === "exit" && exitCodes.includes(outcome.exitCode);
}

/** The kind of failure that `retries.on` speaks of; null for outcomes that are not the job's own failure. */
function causeOf(outcome: Outcome): RetryCause | null {
  if (outcome.kind === "failed") return "failure";
  if (outcome.kind === "timeout") return "timeout";
  return outcome.kind === "outOfMemory" ? "outOfMemory" : null;
}
