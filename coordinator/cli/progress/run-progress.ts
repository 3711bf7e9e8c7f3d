/**
 * A run as its events tell it: the view model behind progress views and the summary.
 *
 * States of a job here: waiting (nothing heard of it, or not started), running, and one of the final ones, which it
 * enters once. Memory holds what runs and what failed, never all jobs: the waiting ones are the total less the rest.
 *
 * Invariants:
 * 1. An event whose number is not above the last one changes nothing, so a replay may overlap.
 * 2. waiting + running + ended = jobs, and none of them is negative.
 * 3. `running` is in the order of starting, the longest-running job first.
 */
import type { RunEvent, RunStatus } from "../../../shared/model/event.ts";
import type { Progress } from "../../../shared/model/outcome.ts";

export interface RunningJob {
  readonly job: string;
  readonly attempt: number;
  readonly agent: string;
  readonly startedAtMs: number;
  /** What the marks in its log have said last; null before the first. */
  readonly progress: Progress | null;
}

export type FailedJob = Extract<RunEvent, { type: "job.failed" }> & {
  /** The last phase that its log told of; null where it told none. */
  readonly phase: string | null;
};

interface EndedCounts {
  done: number;
  /** Of those: taken over from an equal job. */
  reused: number;
  failed: number;
  /** Failed, and the run file allows it. */
  allowed: number;
  blocked: number;
  skipped: number;
  cancelled: number;
}

export interface RunProgress {
  run: string;
  name: string | null;
  status: RunStatus;
  /** Why the run ended so, where its jobs do not say it. */
  reason: string | null;
  jobs: number;
  submittedAtMs: number;
  /** Null until the run has ended. */
  wallMs: number | null;
  lastSeq: number;
  readonly running: Map<string, RunningJob>;
  readonly ended: EndedCounts;
  /** What failed by itself, in order; these are the root causes of all that is blocked. */
  readonly failures: FailedJob[];
  /** Root cause to the jobs it blocks. */
  readonly blocked: Map<string, string[]>;
  /** Time spent in attempts that have ended, and how many jobs ran to an end: what an estimate is made of. */
  spentMs: number;
  executed: number;
  /** As the leader says, by how long these jobs took in earlier runs; null while nobody says so. */
  expectedEndAtMs: number | null;
}

/** The progress of a run nothing has been heard of yet. */
export function emptyProgress(run: string): RunProgress {
  return {
    run,
    name: null,
    status: "running",
    reason: null,
    jobs: 0,
    submittedAtMs: 0,
    wallMs: null,
    lastSeq: 0,
    running: new Map(),
    ended: { done: 0, reused: 0, failed: 0, allowed: 0, blocked: 0, skipped: 0, cancelled: 0 },
    failures: [],
    blocked: new Map(),
    spentMs: 0,
    executed: 0,
    expectedEndAtMs: null,
  };
}

/** Takes one event in; false when it was known already. */
export function onRunEvent(progress: RunProgress, event: RunEvent): boolean {
  if (event.seq <= progress.lastSeq) return false;
  progress.lastSeq = event.seq;
  switch (event.type) {
    case "run.submitted":
      progress.name = event.name;
      progress.jobs = event.jobs;
      progress.submittedAtMs = Date.parse(event.at);
      break;
    case "run.cancelling":
      progress.status = "cancelling";
      break;
    case "run.finished":
      progress.status = event.status;
      progress.reason = event.reason;
      progress.wallMs = event.wallMs;
      progress.running.clear();
      break;
    case "job.started":
      onStarted(progress, event);
      break;
    case "job.progress":
      onProgress(progress, event);
      break;
    case "job.returned":
      progress.running.delete(event.job);
      break;
    case "job.retrying":
      progress.running.delete(event.job);
      progress.spentMs += event.wallMs ?? 0;
      break;
    case "job.succeeded":
      if (event.carriedFrom === undefined) onExecuted(progress, event.job, event.wallMs);
      progress.ended.done += 1;
      break;
    case "job.reused":
      progress.ended.done += 1;
      progress.ended.reused += 1;
      break;
    case "job.failed":
      onFailed(progress, event);
      break;
    case "job.blocked":
      onBlocked(progress, event);
      break;
    case "job.skipped":
      progress.ended.skipped += 1;
      break;
    case "job.cancelled":
      progress.running.delete(event.job);
      progress.ended.cancelled += 1;
      break;
    case "run.priority":
    case "job.ready":
    case "job.joined":
    case "job.assigned":
    case "job.priority":
    case "job.cancelling":
    case "job.unschedulable":
      break;
  }
  return true;
}

/** How many jobs have come to an end of whatever kind. */
export function endedJobs({ ended }: RunProgress): number {
  return ended.done + ended.failed + ended.allowed + ended.blocked + ended.skipped + ended.cancelled;
}

/** How many jobs have not started. */
export function waitingJobs(progress: RunProgress): number {
  return Math.max(0, progress.jobs - endedJobs(progress) - progress.running.size);
}

function onStarted(progress: RunProgress, event: Extract<RunEvent, { type: "job.started" }>): void {
  const { job, attempt, agent } = event;
  progress.running.delete(job);
  progress.running.set(job, { job, attempt, agent, startedAtMs: Date.parse(event.at), progress: null });
}

function onProgress(
  { running }: RunProgress,
  { job, attempt, phase, percent }: Extract<RunEvent, { type: "job.progress" }>,
): void {
  const known = running.get(job);
  if (known?.attempt === attempt) running.set(job, { ...known, progress: { phase, percent } });
}

function onExecuted(progress: RunProgress, job: string, wallMs: number | null): void {
  progress.running.delete(job);
  progress.spentMs += wallMs ?? 0;
  progress.executed += 1;
}

function onFailed(progress: RunProgress, event: Extract<RunEvent, { type: "job.failed" }>): void {
  const known = progress.running.get(event.job);
  const phase = known?.attempt === event.attempt ? (known.progress?.phase ?? null) : null;
  if (event.carriedFrom === undefined) onExecuted(progress, event.job, event.wallMs);
  progress.ended[event.allowed ? "allowed" : "failed"] += 1;
  if (!event.allowed) progress.failures.push({ ...event, phase });
}

function onBlocked(
  progress: RunProgress,
  { job, rootCause }: Extract<RunEvent, { type: "job.blocked" }>,
): void {
  progress.ended.blocked += 1;
  const known = progress.blocked.get(rootCause);
  if (known === undefined) progress.blocked.set(rootCause, [job]);
  else known.push(job);
}
