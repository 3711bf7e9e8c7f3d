/**
 * Events are a projection of the journal: one event per change, made right after the fold that caused it, so that
 * the numbers and contents do not depend on who folds.
 */
import type { RunEvent } from "../../shared/model/event.ts";
import type { AttemptResult } from "../../shared/model/outcome.ts";
import type { Change } from "./change.ts";
import { type Attempt, carriedAt, isAllowedFailure, jobAt, type RunState, specAt } from "./run-state.ts";

/** The changes of one record, with what dates and numbers their events: those can be made later, a part at a time. */
export interface RecordedChanges {
  readonly changes: readonly Change[];
  /** The record's time. */
  readonly at: number;
  /** Number of the first event. */
  readonly firstSeq: number;
}

/** To be called right after the fold, before the next record is folded. */
export function recordedChanges(state: RunState, changes: readonly Change[], at: number): RecordedChanges {
  return { changes, at, firstSeq: state.eventSeq - changes.length + 1 };
}

/** The events of one record's changes; to be called before the next record is folded. */
export function projectEvents(state: RunState, changes: readonly Change[], at: number): RunEvent[] {
  return projectPart(state, recordedChanges(state, changes, at), 0, changes.length);
}

/** The events of some of them, whenever: a change says all of it that may change again. */
export function projectPart(
  state: RunState,
  { changes, at, firstSeq }: RecordedChanges,
  from: number,
  to: number,
): RunEvent[] {
  const time = new Date(at).toISOString();
  return changes.slice(from, to).map((change, offset) => {
    const head = { v: 1 as const, seq: firstSeq + from + offset, run: state.run, at: time };
    return projectChange(state, change, head);
  });
}

type Head = Pick<RunEvent, "v" | "seq" | "run" | "at">;

function projectChange(state: RunState, change: Change, head: Head): RunEvent {
  const named = (index: number) => ({ ...head, job: specAt(state, index).name });
  const tried = (index: number, attempt: Attempt) => ({
    ...named(index),
    attempt: attempt.attempt,
    agent: attempt.agent,
  });
  switch (change.kind) {
    case "submitted":
      return {
        type: "run.submitted",
        ...head,
        name: state.name,
        jobs: state.jobs.length,
        priority: change.priority,
        ...(state.retryOf === null ? {} : { retryOf: state.retryOf }),
      };
    case "carried":
      return projectCarried(state, change.job, named(change.job));
    case "cancelling":
      return { type: "run.cancelling", ...head, by: change.by, reason: change.reason };
    case "prioritised":
      return { type: "run.priority", ...head, priority: change.priority };
    case "ended":
      return {
        type: "run.finished",
        ...head,
        status: state.status,
        counts: { ...state.counts },
        reused: state.reused,
        wallMs: Math.max(0, (state.endedAt ?? state.submittedAt) - state.submittedAt),
        reason: state.reason,
      };
    case "ready":
      return { type: "job.ready", ...named(change.job) };
    case "reused":
      return projectReused(state, change.job, named(change.job));
    case "joined": {
      const { key, run, name } = change;
      return { type: "job.joined", ...named(change.job), key, with: { run, job: name } };
    }
    case "assigned":
      return { type: "job.assigned", ...tried(change.job, change.attempt) };
    case "started":
      return { type: "job.started", ...tried(change.job, change.attempt) };
    case "progressed":
      return { type: "job.progress", ...tried(change.job, change.attempt), ...change.progress };
    case "returned":
      return { type: "job.returned", ...tried(change.job, change.attempt), reason: change.reason };
    case "retrying":
      return {
        type: "job.retrying",
        ...tried(change.job, change.attempt),
        outcome: change.attempt.result?.outcome ?? { kind: "lost", message: "no result" },
        delayMs: change.delayMs,
        ...measured(change.attempt.result),
      };
    case "succeeded":
      return {
        type: "job.succeeded",
        ...tried(change.job, change.attempt),
        artifact: jobAt(state, change.job).artifact,
        ...measured(change.attempt.result),
        ...(change.attempt.isImplicit ? { implicit: true } : {}),
      };
    case "failed":
      return {
        type: "job.failed",
        ...named(change.job),
        attempt: change.attempt?.attempt ?? null,
        agent: change.attempt?.agent ?? null,
        outcome: change.outcome,
        allowed: change.isAllowed,
        ...measured(change.attempt?.result ?? null),
      };
    case "blocked":
      return { type: "job.blocked", ...named(change.job), rootCause: specAt(state, change.rootCause).name };
    case "skipped":
      return { type: "job.skipped", ...named(change.job), reason: change.reason };
    case "cancelled":
      return { type: "job.cancelled", ...named(change.job), reason: change.reason };
    case "jobCancelling":
      return { type: "job.cancelling", ...tried(change.job, change.attempt), reason: change.reason };
    case "stranded":
      return { type: "job.unschedulable", ...named(change.job), reason: change.reason };
    case "jobPrioritised":
      return { type: "job.priority", ...named(change.job), priority: change.priority };
  }
}

/** A carried job ends here as it ended there, with the attempt and the agent of that run. */
function projectCarried(state: RunState, index: number, named: Head & { job: string }): RunEvent {
  const { run, attempt, agent, outcome, artifact } = carriedAt(state, index);
  const carried = { ...named, ...measured(null), carriedFrom: run };
  if (outcome.kind === "succeeded" && attempt !== null && agent !== null)
    return { type: "job.succeeded", ...carried, attempt, agent, artifact };
  const allowed = isAllowedFailure(state, index);
  return { type: "job.failed", ...carried, attempt, agent, outcome, allowed };
}

/** What was reused stays as it is: its job is final. */
function projectReused(state: RunState, index: number, named: Head & { job: string }): RunEvent {
  const { reuse, keys, artifact } = jobAt(state, index);
  if (reuse?.kind !== "reused" || keys === null) throw new RangeError(`job ${index} was not reused`);
  return {
    type: "job.reused",
    ...named,
    key: keys.key,
    from: reuse.from,
    cutoff: reuse.isCutoff,
    artifact,
  };
}

function measured(result: AttemptResult | null) {
  return {
    wallMs: result?.wallMs ?? null,
    cpuMs: result?.cpuMs ?? null,
    peakMemoryBytes: result?.peakMemoryBytes ?? null,
    logBytes: result?.logBytes ?? 0,
  };
}
