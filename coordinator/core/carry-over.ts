/**
 * What a retry of an ended run need not run again. A job is carried over when it ended well (it succeeded, or failed as
 * it may) and nothing that it needs runs again, so what it made is what it would make: same graph, same inputs. All
 * else starts afresh: what failed, was blocked or cancelled, and what depends on any of these, an `always` job too.
 *
 * Safe: 1. the needs of a carried job are carried, or skipped for the same reason as before; 2. a carried job names the
 * run that executed it, however many retries lie between.
 */
import { targetsOf } from "../../shared/model/graph.ts";
import type { Outcome } from "../../shared/model/outcome.ts";
import type { CarriedJob } from "./record.ts";
import { isAllowedFailure, type Job, jobAt, type RunState, specAt } from "./run-state.ts";

/** The jobs of an ended run that its retry has from the start, needs before dependants. */
export function carriedJobs(state: RunState): CarriedJob[] {
  const isAsBefore = new Uint8Array(state.jobs.length);
  const carried: CarriedJob[] = [];
  for (const index of state.graph.order) {
    const { phase } = jobAt(state, index);
    const isGood = phase === "succeeded" || isAllowedFailure(state, index);
    if (!isGood && phase !== "skipped") continue;
    if (targetsOf(state.graph.needs, index).some((need) => isAsBefore[need] === 0)) continue;
    isAsBefore[index] = 1;
    if (isGood) carried.push(state.carried.get(index) ?? executedJob(state, index));
  }
  return carried;
}

/** Whether some job of an ended run failed or was cancelled (what is blocked is so by one of these). */
export function isRetriable(state: RunState): boolean {
  return state.jobs.some(
    ({ phase }, index) => phase === "cancelled" || (phase === "failed" && !isAllowedFailure(state, index)),
  );
}

function executedJob(state: RunState, index: number): CarriedJob {
  const job = jobAt(state, index);
  const keys = job.keys === null ? {} : { keys: job.keys };
  if (job.reuse?.kind === "reused") {
    const { run, job: name, attempt, agent } = job.reuse.from;
    const named = name === specAt(state, index).name ? {} : { name };
    const { artifact } = job;
    return { job: index, run, ...named, attempt, agent, outcome: { kind: "succeeded" }, artifact, ...keys };
  }
  const last = job.attempts.at(-1);
  const { attempt = null, agent = null } = job.outcome === null && last !== undefined ? last : {};
  return {
    job: index,
    run: state.run,
    attempt,
    agent,
    outcome: outcomeOf(job),
    artifact: job.artifact,
    ...keys,
  };
}

function outcomeOf(job: Job): Outcome {
  return job.outcome ?? job.attempts.at(-1)?.result?.outcome ?? { kind: "succeeded" };
}
