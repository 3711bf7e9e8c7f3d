/**
 * An estimate of how long a run will still take: by the time at which its leader expects the end, where it knows these
 * jobs from earlier runs, else from the run's own past alone.
 *
 * In that case the work left is the mean duration of what has ended, times the jobs left, less what the running ones have behind
 * them. It is divided by the work done per unit of time so far, which has in it the slots, the gaps between jobs and
 * whatever else slows the run, with nothing to be told about them. A running job never counts for less than nothing.
 */
import type { RunProgress } from "./run-progress.ts";
import { waitingJobs } from "./run-progress.ts";

/** Before so many jobs have ended there is too little to go by. */
const ENOUGH_JOBS = 3;
/** An estimate looks at this many running jobs at most, so that a frame stays cheap. */
const SAMPLED_RUNNING = 64;

/** Milliseconds still to go, or undefined when it is too early to say or nothing is left. */
export function remainingMs(progress: RunProgress, nowMs: number): number | undefined {
  if (progress.wallMs !== null) return undefined;
  if (progress.expectedEndAtMs !== null) return Math.max(0, progress.expectedEndAtMs - nowMs);
  if (progress.executed < ENOUGH_JOBS) return undefined;
  const elapsedMs = nowMs - progress.submittedAtMs;
  if (elapsedMs <= 0) return undefined;
  // Jobs that take no time still cost the run something: one millisecond each keeps the division sound.
  const meanMs = Math.max(1, progress.spentMs / progress.executed);
  let sampled = 0;
  let runningSpentMs = 0;
  let runningLeftMs = 0;
  for (const { startedAtMs } of progress.running.values()) {
    const spentMs = Math.max(0, nowMs - startedAtMs);
    runningSpentMs += spentMs;
    runningLeftMs += Math.max(0, meanMs - spentMs);
    sampled += 1;
    if (sampled === SAMPLED_RUNNING) break;
  }
  const scale = sampled === 0 ? 0 : progress.running.size / sampled;
  const leftMs = waitingJobs(progress) * meanMs + runningLeftMs * scale;
  const doneMs = progress.executed * meanMs + runningSpentMs * scale;
  return leftMs <= 0 ? undefined : (leftMs * elapsedMs) / doneMs;
}
