/** What a run would do that is not submitted: which jobs it would run, which it would reuse, and for how long. */
import type { ApiResult } from "../../shared/model/api.ts";
import { targetsOf } from "../../shared/model/graph.ts";
import { keysOf } from "../../shared/model/job-keys.ts";
import type { Estimates } from "./estimates.ts";
import { expectedEnd, type Forecast, forecastInSteps, forecastWithout } from "./forecast.ts";
import { isReusable, isUndecided } from "./reuse-decide.ts";
import { isFinal, jobAt, type RunState, specAt } from "./run-state.ts";

type Plan = ApiResult<"plan">;

/** Why jobs would run, though what they need may come out as it was before; by their index. */
export type SureReasons = ReadonlyMap<number, string>;

/** Whether the cutoff may spare a job: an equal one may have succeeded, which only shows when what it needs is made. */
export function mayBeSpared(state: RunState, index: number): boolean {
  if (!state.options.cutoff || !isUndecided(state, index)) return false;
  return !isFinal(jobAt(state, index).phase);
}

/** What a plan says of all jobs together. */
export type PlanTotals = Omit<Plan, "jobs" | "open">;

/** Adds up, in steps between which others may have their turn; the state is as if all that can be reused now had been. */
export function* totalsInSteps(
  state: RunState,
  sure: SureReasons,
  estimates: Estimates,
  slots: number,
): Generator<void, PlanTotals> {
  const isOpen = Uint8Array.from(state.jobs, (_, index) => (isOpenIn(state, sure, index) ? 1 : 0));
  return {
    total: state.jobs.length,
    reused: state.reused,
    mayBeSpared: isOpen.reduce((count, open) => count + open, 0),
    ...(yield* expectedTimes(state, estimates, slots, (index) => isOpen[index] === 1)),
  };
}

/** A page of the plan. */
export function viewPlan(
  state: RunState,
  sure: SureReasons,
  totals: PlanTotals,
  { offset, limit }: { readonly offset: number; readonly limit: number },
  estimates: Estimates,
): Plan {
  const isOpen = (index: number): boolean => isOpenIn(state, sure, index);
  const jobs: Plan["jobs"] = [];
  for (const index of state.graph.order.subarray(offset, offset + limit)) {
    const { reuse } = jobAt(state, index);
    const spec = specAt(state, index);
    jobs.push({
      job: spec.name,
      from: reuse?.kind === "reused" ? reuse.from : null,
      mayBeSpared: isOpen(index),
      reason: reuse?.kind === "reused" ? null : (sure.get(index) ?? whyItRuns(state, index, isOpen)),
      estimateMs: estimates.of(keysOf(spec))?.medianMs ?? null,
    });
  }
  return { ...totals, open: 0, jobs };
}

/** What is said of a plan that is being made. */
export function viewUnfinished(state: RunState | undefined, open: number): Plan {
  const total = state?.jobs.length ?? 0;
  return {
    total,
    open: Math.max(1, open),
    reused: state?.reused ?? 0,
    mayBeSpared: 0,
    expectedMs: null,
    leastMs: null,
    jobs: [],
  };
}

function isOpenIn(state: RunState, sure: SureReasons, index: number): boolean {
  return !sure.has(index) && mayBeSpared(state, index);
}

function whyItRuns(state: RunState, index: number, isOpen: (index: number) => boolean): string {
  const { reuse } = jobAt(state, index);
  if (reuse?.kind === "missed") return reuse.reason;
  if (!isReusable(state, index)) return "it is not to be reused";
  if (!state.options.reuse) return "nothing is to be reused";
  const first = targetsOf(state.graph.needs, index).find((need) => !isFinal(jobAt(state, need).phase));
  const name = first === undefined ? "something" : specAt(state, first).name;
  const how = first !== undefined && isOpen(first) ? "may run" : "would run";
  const unless = isOpen(index) ? ", unless what that makes is the same" : "";
  return `it needs ${name}, which ${how}${unless}`;
}

/** Of more it takes longer than others may wait. */
const MOST_FORECAST_JOBS = 10_000;

/** With all that may run, and without what may be spared. */
function* expectedTimes(
  state: RunState,
  estimates: Estimates,
  slots: number,
  isOpen: (index: number) => boolean,
): Generator<void, Pick<Plan, "expectedMs" | "leastMs">> {
  if (state.jobs.length > MOST_FORECAST_JOBS) return { expectedMs: null, leastMs: null };
  const most = yield* forecastInSteps(state, estimates);
  yield;
  const least = forecastWithout(state.graph, most, isOpen);
  yield;
  const takes = (forecast: Forecast): number | null => expectedEnd(state, forecast, slots, 0) ?? null;
  return { expectedMs: takes(most), leastMs: takes(least) };
}
