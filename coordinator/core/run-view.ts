/** A run's state as the API shows it. */

import type { AttemptView, JobView, RunView } from "../../shared/model/api.ts";
import type { JobPhase } from "../../shared/model/event.ts";
import { targetsOf } from "../../shared/model/graph.ts";
import { describeOutcome } from "../../shared/model/outcome.ts";
import { type JobFilter, matchingJobs } from "./job-filter.ts";
import type { RecordOf } from "./record.ts";
import { type Attempt, type Job, jobAt, priorityOf, type RunState, specAt } from "./run-state.ts";

const iso = (at: number): string => new Date(at).toISOString();
const isoOrNull = (at: number | null): string | null => (at === null ? null : iso(at));

/** With the time at which it is expected to end, where that is known. */
export function viewRun(state: RunState, expectedEndAt?: number): RunView {
  return {
    run: state.run,
    name: state.name,
    status: state.status,
    submittedAt: iso(state.submittedAt),
    endedAt: isoOrNull(state.endedAt),
    ...(expectedEndAt === undefined ? {} : { expectedEndAt: iso(expectedEndAt) }),
    priority: state.priority,
    submitter: state.options.submitter,
    counts: { ...state.counts },
    reused: state.reused,
    jobs: state.jobs.length,
    reason: state.reason,
    retryOf: state.retryOf,
    priorityChanges: state.endedAt === null ? state.priorityChanges : 0,
  };
}

/** An ended run from its last record alone. */
export function viewEndedRun(run: string, ended: RecordOf<"ended">): RunView {
  const { summary } = ended;
  return {
    run,
    name: summary.name,
    status: ended.status,
    submittedAt: iso(summary.submittedAt),
    endedAt: iso(ended.at),
    priority: summary.priority,
    submitter: summary.submitter,
    counts: summary.counts,
    reused: summary.reused,
    jobs: summary.jobs,
    reason: summary.reason,
    retryOf: summary.retryOf,
    priorityChanges: 0,
  };
}

export function viewJob(state: RunState, index: number): JobView {
  const job = jobAt(state, index);
  const carriedFrom = state.carried.get(index)?.run ?? null;
  return {
    job: specAt(state, index).name,
    index,
    phase: job.phase,
    priority: priorityOf(state, index),
    image: specAt(state, index).image ?? null,
    attempts: job.attempts.map(viewAttempt),
    artifact: job.artifact,
    rootCause: job.rootCause === null ? null : specAt(state, job.rootCause).name,
    reason: carriedFrom === null ? reasonOf(state, job) : `carried over from run ${carriedFrom}`,
    carriedFrom,
    reusedFrom: reusedFrom(state, index),
  };
}

/** Whose result a job has, where the name of its run is not enough to find it. */
function reusedFrom(state: RunState, index: number): JobView["reusedFrom"] {
  const { reuse } = jobAt(state, index);
  if (reuse?.kind === "reused") return reuse.from;
  const { run, name, attempt, agent } = state.carried.get(index) ?? {};
  if (run === undefined || name === undefined || attempt == null || agent == null) return null;
  return { run, job: name, attempt, agent };
}

/** A page of the jobs that match. */
export function viewJobs(
  state: RunState,
  { offset, limit, ...filter }: JobFilter & { readonly offset: number; readonly limit: number },
): { total: number; jobs: JobView[] } {
  const matching = matchingJobs(state, filter);
  return {
    total: matching.length,
    jobs: matching.slice(offset, offset + limit).map((index) => viewJob(state, index)),
  };
}

export interface GraphPage {
  total: number;
  jobs: { job: string; phase: JobPhase; needs: string[] }[];
}

export function viewGraph(state: RunState, offset: number, limit: number): GraphPage {
  const jobs: GraphPage["jobs"] = [];
  for (let index = offset; index < Math.min(state.jobs.length, offset + limit); index++) {
    const needs = [...targetsOf(state.graph.needs, index)].map((need) => specAt(state, need).name);
    jobs.push({ job: specAt(state, index).name, phase: jobAt(state, index).phase, needs });
  }
  return { total: state.jobs.length, jobs };
}

function viewAttempt(attempt: Attempt): AttemptView {
  const { result } = attempt;
  return {
    attempt: attempt.attempt,
    agent: attempt.agent,
    outcome: result?.outcome ?? null,
    startedAt: isoOrNull(attempt.startedAt),
    endedAt: isoOrNull(attempt.endedAt),
    returned: attempt.returned,
    wallMs: result?.wallMs ?? null,
    cpuMs: result?.cpuMs ?? null,
    peakMemoryBytes: result?.peakMemoryBytes ?? null,
    logBytes: result?.logBytes ?? null,
    ranOn: attempt.ranOn,
    implicit: attempt.isImplicit,
    progress: attempt.progress,
  };
}

function reasonOf(state: RunState, job: Job): string | null {
  if (job.phase === "blocked" && job.rootCause !== null)
    return `blocked by ${specAt(state, job.rootCause).name}`;
  if (job.reuse?.kind === "reused") return `reused from run ${job.reuse.from.run}`;
  if (job.reuse?.kind === "joined" && job.phase === "ready")
    return `waits for ${job.reuse.name} of run ${job.reuse.run}, which is equal`;
  const outcome =
    job.outcome ?? (job.phase === "failed" ? (job.attempts.at(-1)?.result?.outcome ?? null) : null);
  return outcome === null ? job.reason : describeOutcome(outcome);
}
