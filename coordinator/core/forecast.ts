/**
 * What is expected of one run: how long each of its jobs takes, in which order they should start, and when it ends. Made
 * once from what is known of its jobs; it does not change while the run goes on.
 *
 * A job of which nothing is known counts for the median of those that are known, or for 1 where none is: then the order is
 * that of the longest path counted in jobs.
 */
import type { Graph } from "../../shared/model/graph.ts";
import { keysOf } from "../../shared/model/job-keys.ts";
import type { JobSpec } from "../../shared/model/job-spec.ts";
import { ranksOf, remainingPaths } from "./critical-path.ts";
import { type Estimates, medianOf } from "./estimates.ts";
import { isFinal, isHeld, jobAt, type RunState } from "./run-state.ts";

export interface Forecast {
  /** Whole milliseconds, at least 1; 0 only where a job is taken out of account. */
  readonly durations: Float64Array;
  /** 1 for a job of which something is known. */
  readonly isKnown: Uint8Array;
  /** The job's duration, and that of the longest path behind it. */
  readonly paths: Float64Array;
  /** A job with a higher rank should start first. */
  readonly ranks: Float64Array;
}

/** Jobs that are looked up in one step. */
const STEP_JOBS = 1_000;

/** Makes it in steps of some milliseconds, between which others may have their turn. */
export function* forecastInSteps(
  { graph, specs }: Pick<RunState, "graph" | "specs">,
  estimates: Estimates,
): Generator<void, Forecast> {
  const medians = new Float64Array(graph.size).fill(Number.NaN);
  const looked = estimates.isEmpty ? [] : specs;
  for (const [index, spec] of looked.entries()) {
    medians[index] = usualMs(spec, estimates);
    if (index % STEP_JOBS === STEP_JOBS - 1) yield;
  }
  return yield* forecastFrom(graph, medians);
}

/** `medians` are the usual durations of the jobs in milliseconds, NaN where nothing is known. */
export function* forecastFrom(graph: Graph, medians: Float64Array): Generator<void, Forecast> {
  const isKnown = Uint8Array.from(medians, (ms) => (Number.isNaN(ms) ? 0 : 1));
  const known = medians.filter((ms) => !Number.isNaN(ms));
  const usual = known.length === 0 ? 1 : medianOf(known);
  const durations = medians.map((ms) => Math.max(1, Math.round(Number.isNaN(ms) ? usual : ms)));
  if (graph.size > STEP_JOBS) yield;
  const paths = remainingPaths(graph, durations);
  if (graph.size > STEP_JOBS) yield;
  return { durations, isKnown, paths, ranks: ranksOf(graph, paths) };
}

/** The same without jobs that may not run. */
export function forecastWithout(
  graph: Graph,
  forecast: Forecast,
  isLeftOut: (index: number) => boolean,
): Forecast {
  const durations = forecast.durations.map((ms, index) => (isLeftOut(index) ? 0 : ms));
  const paths = remainingPaths(graph, durations);
  return { ...forecast, durations, paths, ranks: ranksOf(graph, paths) };
}

/** A job that runs only when something fails is expected not to. */
function usualMs(spec: JobSpec, estimates: Estimates): number {
  return spec.when === "onFailure" ? 0 : (estimates.of(keysOf(spec))?.medianMs ?? Number.NaN);
}

/** Of the jobs to come so many must be known for an end to be told. */
const ENOUGH_KNOWN = 0.5;

/**
 * When a run ends that has so many slots to itself: no sooner than its longest path takes, nor than the slots take for all
 * that is left. Undefined when that can't be told: too little is known, something is held, or nobody runs jobs.
 */
export function expectedEnd(
  state: RunState,
  { durations, isKnown, paths }: Forecast,
  slots: number,
  now: number,
): number | undefined {
  if (state.status !== "running" || slots <= 0) return undefined;
  let open = 0;
  let known = 0;
  let workMs = 0;
  let pathMs = 0;
  for (let index = 0; index < state.jobs.length; index++) {
    const job = jobAt(state, index);
    if (isFinal(job.phase)) continue;
    if (isHeld(state, index)) return undefined;
    const durationMs = durations[index] as number;
    if (durationMs === 0) continue;
    const startedAt = job.phase === "running" ? (job.attempts.at(-1)?.startedAt ?? now) : now;
    const leftMs = Math.max(0, durationMs - Math.max(0, now - startedAt));
    open += 1;
    known += isKnown[index] as number;
    workMs += leftMs;
    pathMs = Math.max(pathMs, (paths[index] as number) - durationMs + leftMs);
  }
  if (open === 0 || known < open * ENOUGH_KNOWN) return undefined;
  return now + Math.max(pathMs, workMs / slots);
}
