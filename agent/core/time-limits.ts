/**
 * The time limits of an attempt that runs, judged whenever it is looked at.
 *
 * A look that comes late judges nothing: the agent stood still meanwhile (SIGSTOP, a paused machine, a stalled disk), and
 * what has arrived since, the job's end or its output, is heard before the next look, which judges however late it is.
 *
 * Safe: a job that ended or spoke in time is not called late because its agent was. Live: of two looks after a limit has
 * passed one judges it.
 */
import type { EndCause } from "./end-cause.ts";

export interface TimeLimits {
  readonly runMs?: number | undefined;
  readonly noOutputMs?: number | undefined;
}

export interface Timing {
  readonly startedAt: number;
  outputBytes: number;
  outputAt: number;
  lookedAt: number;
  /** The last look judged nothing. */
  isDeferred: boolean;
}

export interface LookVerdict {
  readonly hasOutput: boolean;
  readonly passed: Extract<EndCause, { kind: "timeout" }> | undefined;
}

/** Twice the time between two looks: limits are short, too, and the end of a job may be missed within any of them. */
const LATE_MS = 300;

/** Its clocks start; `elapsedMs` has passed already for one that an earlier process of the agent launched. */
export function beginTiming(now: number, elapsedMs = 0): Timing {
  return { startedAt: now - elapsedMs, outputBytes: 0, outputAt: now, lookedAt: now, isDeferred: false };
}

/** A look: its output has `bytes` by now. */
export function onLook(timing: Timing, limits: TimeLimits, bytes: number, now: number): LookVerdict {
  const hasOutput = bytes !== timing.outputBytes;
  if (hasOutput) {
    timing.outputBytes = bytes;
    timing.outputAt = now;
  }
  timing.isDeferred = !timing.isDeferred && now - timing.lookedAt > LATE_MS;
  timing.lookedAt = now;
  return { hasOutput, passed: timing.isDeferred ? undefined : passedLimit(timing, limits, now) };
}

function passedLimit(timing: Timing, limits: TimeLimits, now: number): LookVerdict["passed"] {
  const { runMs, noOutputMs } = limits;
  if (runMs !== undefined && now - timing.startedAt >= runMs)
    return { kind: "timeout", limit: "run", limitMs: runMs };
  if (noOutputMs !== undefined && now - timing.outputAt >= noOutputMs)
    return { kind: "timeout", limit: "noOutput", limitMs: noOutputMs };
  return undefined;
}
