/**
 * Whether a failed attempt is followed by another one, when, and where not. A job's own failures are counted against
 * its `retries`; losses of infrastructure (an agent gone) have a cap of their own, so that one bad job cannot walk
 * through the fleet, and a burning host does not use up a job's retries. An attempt that was given back unstarted, or
 * ended to hold its job, counts for neither; when agents refuse a job one after the other, it rests in between.
 */
import type { JobSpec, RetryCause } from "../../shared/model/job-spec.ts";
import type { Outcome } from "../../shared/model/outcome.ts";
import { isRoutineReturn } from "../../shared/model/return-reason.ts";
import type { Attempt } from "./run-state.ts";

/** Attempts of one job that may be lost to infrastructure before it fails as `lost`. */
export const MAX_LOSSES = 5;

const MAX_BACKOFF_MS = 10 * 60_000;
/** The first loss is made good at once; after the second one the cause may need a moment to pass. */
const LOSS_BACKOFF_MS = 1000;
const REFUSAL_BACKOFF_MS = 1000;
const MAX_REFUSAL_BACKOFF_MS = 60_000;

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
    const losses = earlier.filter(isLost).length;
    if (!spec.rerunAfterLoss || losses + 1 >= MAX_LOSSES) return null;
    return losses === 0 ? 0 : spread(LOSS_BACKOFF_MS * 2 ** (losses - 1), chance);
  }
  if (!mayRetry(spec, outcome)) return null;
  const failures = earlier.filter(
    (attempt) => attempt.result !== null && causeOf(attempt.result.outcome) !== null,
  );
  if (failures.length >= spec.retries.max) return null;
  return spread(Math.min(spec.retries.backoffMs * 2 ** failures.length, MAX_BACKOFF_MS), chance);
}

/** The outcome of a job that no further loss is forgiven: it names the agent of every lost attempt. */
export function finalLoss(earlier: readonly Attempt[], last: Attempt, message: string): Outcome {
  const agents = [...earlier.filter(isLost), last].map((attempt) => attempt.agent);
  const times = agents.length === 1 ? "once" : `${agents.length} times`;
  return { kind: "lost", message: `${message}; lost ${times}, on ${agents.join(", ")}` };
}

/**
 * Agents that have refused the job, or on which it failed or was lost, sorted: the next attempt had better go elsewhere.
 * A job that is to be tried again has no other results.
 */
export function agentsFailedOn(attempts: readonly Attempt[]): string[] {
  const failed = attempts.filter((attempt) => isRefused(attempt) || attempt.result !== null);
  return [...new Set(failed.map((attempt) => attempt.agent))].sort();
}

/**
 * How long a job that was refused is still left alone. The first refusal is made good at once; an agent that refuses
 * again and again would otherwise be asked as fast as it answers.
 */
export function restMs(attempts: readonly Attempt[], now: number): number {
  const refusals = attempts.length - 1 - attempts.findLastIndex((attempt) => !isRefused(attempt));
  const since = attempts.at(-1)?.endedAt ?? null;
  // By a clock that was set back, or is another host's, nothing can be told.
  if (refusals < 2 || since === null || since > now) return 0;
  const restMs = Math.min(REFUSAL_BACKOFF_MS * 2 ** (refusals - 2), MAX_REFUSAL_BACKOFF_MS);
  return Math.max(0, since + restMs - now);
}

function isLost({ result }: Attempt): boolean {
  return result?.outcome.kind === "lost";
}

function isRefused({ returned }: Attempt): boolean {
  return returned !== null && !isRoutineReturn(returned);
}

function spread(delayMs: number, chance: number): number {
  return Math.round(delayMs * (0.5 + chance));
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
