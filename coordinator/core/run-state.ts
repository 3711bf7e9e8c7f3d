/**
 * The state of one run: what the fold of its journal records has made so far. Plain data, changed only by
 * `run-fold.ts`; everybody else reads.
 */
import type { RunOptions } from "../../shared/model/api.ts";
import type { Executed, JobCounts, JobPhase, RunStatus } from "../../shared/model/event.ts";
import { type Graph, targetsOf } from "../../shared/model/graph.ts";
import type { GraphSpec, JobSpec, Pairs } from "../../shared/model/job-spec.ts";
import type { Artifact, AttemptResult, Outcome, Progress, RanOn } from "../../shared/model/outcome.ts";
import type { CarriedJob, RecordOf, ReuseKeys } from "./record.ts";

export interface Attempt {
  readonly attempt: number;
  readonly agent: string;
  readonly incarnation: string;
  readonly lease: string;
  readonly assignedAt: number;
  startedAt: number | null;
  endedAt: number | null;
  result: AttemptResult | null;
  ranOn: RanOn | null;
  /** It succeeded, and no mark in its log says so. */
  isImplicit: boolean;
  /** What its marks have said last. */
  progress: Progress | null;
  /** Why it was given back without having run. */
  returned: string | null;
}

/** What came of looking for an equal job. */
export type Reuse =
  /** It holds these keys, if it has any. */
  | { readonly kind: "missed"; readonly keys: ReuseKeys | null; readonly reason: string }
  | { readonly kind: "joined"; readonly key: string; readonly run: string; readonly name: string }
  | { readonly kind: "reused"; readonly isCutoff: boolean; readonly from: Executed };

export interface Job {
  phase: JobPhase;
  /** Needs that are not final yet. */
  unmet: number;
  /** A need failed, was blocked or cancelled: what `always` and `onFailure` jobs look at. */
  hasBadNeed: boolean;
  attempts: Attempt[];
  /** Set by a request; otherwise the graph's. */
  priority: number | null;
  artifact: Artifact | null;
  /** The failed or cancelled job that this one goes back to. */
  rootCause: number | null;
  /** Why it failed, was skipped or cancelled, where no attempt says it. */
  reason: string | null;
  /** How it failed without an attempt. */
  outcome: Outcome | null;
  isCancelRequested: boolean;
  readyAt: number | null;
  reuse: Reuse | null;
  /** What its success is remembered under. */
  keys: ReuseKeys | null;
}

export interface CancelRequest {
  readonly by: string;
  readonly reason: string;
  readonly cause: "request" | "failFast";
}

export interface RunState {
  readonly run: string;
  readonly graph: Graph;
  readonly specs: readonly JobSpec[];
  /** Environment of every job. */
  readonly vars: Pairs;
  readonly name: string | null;
  readonly options: RunOptions;
  readonly submittedAt: number;
  /** The run that this one retries. */
  readonly retryOf: string | null;
  /** By job: what it has from earlier runs. These are final from the start and have no attempts here. */
  readonly carried: ReadonlyMap<number, CarriedJob>;
  priority: number;
  /** How often the priority of the run, or of one of its jobs, was set. */
  priorityChanges: number;
  status: RunStatus;
  readonly jobs: Job[];
  readonly counts: JobCounts;
  /** How many of those that succeeded were reused. */
  reused: number;
  cancel: CancelRequest | null;
  endedAt: number | null;
  reason: string | null;
  /** Number of the last event; events are numbered by folding, so every leader counts alike. */
  eventSeq: number;
  /** Time of the last record. */
  lastAt: number;
}

const noAttempts: readonly Attempt[] = Object.freeze([]);

/** A run as it is before its first record is folded. */
export function newRunState(
  run: string,
  spec: GraphSpec,
  graph: Graph,
  submitted: Pick<RecordOf<"submitted">, "name" | "options" | "at" | "retry">,
  carried: readonly CarriedJob[] = [],
): RunState {
  const jobs: Job[] = new Array(graph.size);
  for (let index = 0; index < graph.size; index++) {
    jobs[index] = {
      phase: "waiting",
      unmet: targetsOf(graph.needs, index).length,
      hasBadNeed: false,
      // Shared until the first attempt: most jobs of a large graph have none yet.
      attempts: noAttempts as Attempt[],
      priority: null,
      artifact: null,
      rootCause: null,
      reason: null,
      outcome: null,
      isCancelRequested: false,
      readyAt: null,
      reuse: null,
      keys: null,
    };
  }
  return {
    run,
    graph,
    specs: spec.jobs,
    vars: spec.vars,
    name: submitted.name,
    options: submitted.options,
    submittedAt: submitted.at,
    retryOf: submitted.retry?.of ?? null,
    carried: new Map(carried.map((job) => [job.job, job])),
    priority: submitted.options.priority,
    priorityChanges: 0,
    status: "running",
    jobs,
    counts: { ...noJobs, waiting: graph.size },
    reused: 0,
    cancel: null,
    endedAt: null,
    reason: null,
    eventSeq: 0,
    lastAt: submitted.at,
  };
}

/** The counts of a run without jobs; copy it before counting. */
export const noJobs: Readonly<JobCounts> = {
  waiting: 0,
  ready: 0,
  assigned: 0,
  running: 0,
  succeeded: 0,
  failed: 0,
  blocked: 0,
  skipped: 0,
  cancelled: 0,
};

export function jobAt(state: RunState, index: number): Job {
  const job = state.jobs[index];
  if (job === undefined) throw new RangeError(`run ${state.run} has no job ${index}`);
  return job;
}

export function specAt(state: RunState, index: number): JobSpec {
  const spec = state.specs[index];
  if (spec === undefined) throw new RangeError(`run ${state.run} has no job ${index}`);
  return spec;
}

export function carriedAt(state: RunState, index: number): CarriedJob {
  const carried = state.carried.get(index);
  if (carried === undefined) throw new RangeError(`job ${index} of run ${state.run} was not carried over`);
  return carried;
}

export function isFinal(phase: JobPhase): boolean {
  return phase !== "waiting" && phase !== "ready" && phase !== "assigned" && phase !== "running";
}

/** The attempt that holds a lease: assigned or running. */
export function liveAttempt(job: Job): Attempt | undefined {
  return job.phase === "assigned" || job.phase === "running" ? job.attempts.at(-1) : undefined;
}

export function priorityOf(state: RunState, index: number): number {
  return jobAt(state, index).priority ?? specAt(state, index).priority;
}

/** What an agent is told when it is to end an attempt of a held job. */
export const HELD_REASON = "held: its priority is 0";

/** A job with priority 0, or in a run with priority 0, is not started and ended if it runs. */
export function isHeld(state: RunState, index: number): boolean {
  return state.priority === 0 || priorityOf(state, index) === 0;
}

/** Failed in a way that dependants and the run's status do not mind. */
export function isAllowedFailure(state: RunState, index: number): boolean {
  return jobAt(state, index).phase === "failed" && specAt(state, index).allowFailure;
}
