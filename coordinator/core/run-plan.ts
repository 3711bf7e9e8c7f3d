/** What a run would do that is not submitted: which jobs it would run, which it would reuse, and for how long. */
import type { ApiResult } from "../../shared/model/api.ts";
import { targetsOf } from "../../shared/model/graph.ts";
import { keysOf } from "../../shared/model/job-keys.ts";
import type { Estimates } from "./estimates.ts";
import { expectedEnd, forecastInSteps } from "./forecast.ts";
import { isReusable } from "./reuse-decide.ts";
import { isFinal, jobAt, type RunState, specAt } from "./run-state.ts";

type Plan = ApiResult<"plan">;

/** A page of the plan; the state is as if all that can be reused now had been. */
export function viewPlan(
  state: RunState,
  { offset, limit }: { readonly offset: number; readonly limit: number },
  estimates: Estimates,
  slots: number,
): Plan {
  const jobs: Plan["jobs"] = [];
  for (const index of state.graph.order.subarray(offset, offset + limit)) {
    const { reuse } = jobAt(state, index);
    const spec = specAt(state, index);
    jobs.push({
      job: spec.name,
      from: reuse?.kind === "reused" ? reuse.from : null,
      reason: reuse?.kind === "reused" ? null : whyItRuns(state, index),
      estimateMs: estimates.of(keysOf(spec))?.medianMs ?? null,
    });
  }
  return {
    total: state.jobs.length,
    reused: state.reused,
    expectedMs: expectedMs(state, estimates, slots),
    jobs,
  };
}

function whyItRuns(state: RunState, index: number): string {
  const { reuse } = jobAt(state, index);
  if (reuse?.kind === "missed") return reuse.reason;
  if (!isReusable(state, index)) return "it is not to be reused";
  if (!state.options.reuse) return "nothing is to be reused";
  const first = targetsOf(state.graph.needs, index).find((need) => !isFinal(jobAt(state, need).phase));
  const name = first === undefined ? "something" : specAt(state, first).name;
  const unless = state.options.cutoff ? ", unless what that makes is the same" : "";
  return `it needs ${name}, which would run${unless}`;
}

/** Of more it takes longer than others may wait. */
const MOST_FORECAST_JOBS = 10_000;

function expectedMs(state: RunState, estimates: Estimates, slots: number): number | null {
  if (state.jobs.length > MOST_FORECAST_JOBS) return null;
  const steps = forecastInSteps(state, estimates);
  let step = steps.next();
  while (!step.done) step = steps.next();
  return expectedEnd(state, step.value, slots, 0) ?? null;
}
