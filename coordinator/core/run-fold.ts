/**
 * The fold: how each journal record changes a run. A coordinator that decides, one that replays and a standby all
 * come to the same state, because nothing else changes it.
 *
 *   waiting ──needs final──▶ ready ──assigned──▶ assigned ──started──▶ running ──finished──▶ succeeded | failed
 *      │                       ▲                    │                     │
 *      │                       └──── returned, or finished with a retry ──┘
 *      ├──▶ blocked (a need failed) | skipped (its condition is not met) | cancelled
 *      │                     ready ──reused──▶ succeeded, with the result of an equal job
 *      └──▶ succeeded | failed, carried over from the run that this one retries
 *
 * Safe: 1. a job turns ready only when all its needs are final and its `when` holds; 2. a finished record applies to
 * the attempt that holds the lease, so at most one result of a job is accepted; 3. what is final stays as it is.
 * Live: 4. a final job reaches every dependant in the same fold, however deep, so no job waits for one that is final.
 * Every change made here is one event, numbered by `eventSeq`: 5. equal records give equal events.
 */

import { targetsOf } from "../../shared/model/graph.ts";
import type { AttemptResult, Outcome, Progress } from "../../shared/model/outcome.ts";
import { routineReturn } from "../../shared/model/return-reason.ts";
import type { Change } from "./change.ts";
import { enter, onNeedsFinal, reachDependants } from "./needs-fold.ts";
import type { CarriedJob, RecordOf, RunRecord } from "./record.ts";
import {
  type Attempt,
  isFinal,
  isHeld,
  type Job,
  jobAt,
  liveAttempt,
  type RunState,
  specAt,
} from "./run-state.ts";

/** Applies one record and returns what changed, in order. A record that no longer fits changes nothing. */
export function fold(state: RunState, record: RunRecord): Change[] {
  const changes: Change[] = [];
  if (state.endedAt === null) apply(state, record, changes);
  state.lastAt = record.at;
  state.eventSeq += changes.length;
  return changes;
}

function apply(state: RunState, record: RunRecord, changes: Change[]): void {
  switch (record.type) {
    case "submitted":
      return onSubmitted(state, record.at, changes);
    case "claimed":
      return onClaimed(state, record);
    case "assigned":
      return onAssigned(state, record, changes);
    case "started":
      return onStarted(state, record, changes);
    case "progressed":
      return onProgressed(state, record, changes);
    case "returned":
      return onReturned(state, record, changes);
    case "finished":
      return onFinished(state, record, changes);
    case "reused":
      return onReused(state, record, changes);
    case "joined":
    case "notReused":
      return onLooked(state, record, changes);
    case "failedUnassigned":
      return onFailedUnassigned(state, record, changes);
    case "stranded":
      changes.push({ kind: "stranded", job: record.job, reason: record.reason });
      return;
    case "cancelRequested":
      return onCancelRequested(state, record, changes);
    case "prioritised":
      return onPrioritised(state, record, changes);
    case "aborted":
      return onAborted(state, record, changes);
    case "ended":
      state.status = record.status;
      state.endedAt = record.at;
      state.reason = record.summary.reason;
      changes.push({ kind: "ended" });
      return;
  }
}

function onSubmitted(state: RunState, at: number, changes: Change[]): void {
  changes.push({ kind: "submitted", priority: state.priority });
  for (const carried of state.carried.values()) carry(state, carried, changes);
  for (const index of state.carried.keys()) reachDependants(state, index, at, changes);
  for (let index = 0; index < state.jobs.length; index++) {
    if (targetsOf(state.graph.needs, index).length > 0 || state.carried.has(index)) continue;
    if (onNeedsFinal(state, index, at, changes)) reachDependants(state, index, at, changes);
  }
}

/** It is final as it was in an earlier run. Its dependants hear of it when all carried jobs are final. */
function carry(state: RunState, carried: CarriedJob, changes: Change[]): void {
  const { job: index, outcome, artifact } = carried;
  const job = jobAt(state, index);
  job.artifact = artifact;
  job.keys = carried.keys ?? null;
  if (outcome.kind !== "succeeded") {
    job.outcome = outcome;
    job.rootCause = index;
  }
  enter(state, job, outcome.kind === "succeeded" ? "succeeded" : "failed");
  changes.push({ kind: "carried", job: index });
}

/** Waits are differences of times, so they last as long as they would have by the clock from before. */
function onClaimed(state: RunState, { shiftMs, eventSeq = 0 }: RecordOf<"claimed">): void {
  state.eventSeq = Math.max(state.eventSeq, eventSeq);
  if (shiftMs === 0) return;
  for (const job of state.jobs) if (!isFinal(job.phase) && job.readyAt !== null) job.readyAt += shiftMs;
}

function onAssigned(state: RunState, record: RecordOf<"assigned">, changes: Change[]): void {
  const job = jobAt(state, record.job);
  if (job.phase !== "ready") return;
  const attempt: Attempt = {
    attempt: record.attempt,
    agent: record.agent,
    incarnation: record.incarnation,
    lease: record.lease,
    assignedAt: record.at,
    startedAt: null,
    endedAt: null,
    result: null,
    ranOn: null,
    isImplicit: false,
    progress: null,
    returned: null,
  };
  // A list that grows has room for 17; most jobs have one attempt.
  job.attempts = job.attempts.concat(attempt);
  enter(state, job, "assigned");
  changes.push({ kind: "assigned", job: record.job, attempt });
}

function onStarted(state: RunState, record: RecordOf<"started">, changes: Change[]): void {
  const job = jobAt(state, record.job);
  const attempt = liveAttempt(job);
  if (attempt?.attempt !== record.attempt || job.phase !== "assigned") return;
  attempt.startedAt = record.at;
  enter(state, job, "running");
  changes.push({ kind: "started", job: record.job, attempt });
}

function onProgressed(state: RunState, record: RecordOf<"progressed">, changes: Change[]): void {
  const job = jobAt(state, record.job);
  const attempt = liveAttempt(job);
  if (attempt?.attempt !== record.attempt) return;
  // That it started is said once, and may have been lost on its way.
  onStarted(state, { ...record, type: "started" }, changes);
  const progress: Progress = { phase: record.phase, percent: record.percent };
  attempt.progress = progress;
  changes.push({ kind: "progressed", job: record.job, attempt, progress });
}

function onReturned(state: RunState, record: RecordOf<"returned">, changes: Change[]): void {
  const job = jobAt(state, record.job);
  const attempt = liveAttempt(job);
  if (attempt?.attempt !== record.attempt) return;
  attempt.returned = record.reason;
  attempt.endedAt = record.at;
  if (isCancelled(state, job))
    return cancelJob(state, record.job, cancelReason(state), record.at, changes, attempt);
  // One that never started still waits for its first slot: its limit on that goes on.
  if (attempt.startedAt !== null) job.readyAt = record.at;
  // Ended to hold it: equal jobs need not wait for it.
  if (record.reason === routineReturn.ended) job.reuse = null;
  enter(state, job, "ready");
  changes.push({ kind: "returned", job: record.job, attempt, reason: record.reason });
}

function onFinished(state: RunState, record: RecordOf<"finished">, changes: Change[]): void {
  const job = jobAt(state, record.job);
  const attempt = liveAttempt(job);
  if (attempt?.attempt !== record.attempt) return;
  const { result, retryDelayMs } = record;
  if (attempt.startedAt === null && result.wallMs !== null) {
    // Short jobs report start and end at once; tooling still sees both.
    attempt.startedAt = record.at - result.wallMs;
    enter(state, job, "running");
    changes.push({ kind: "started", job: record.job, attempt });
  }
  attempt.result = keptResult(result);
  attempt.ranOn = record.ranOn ?? null;
  attempt.isImplicit = record.implicit ?? false;
  attempt.endedAt = record.at;
  if (result.outcome.kind === "succeeded") {
    job.artifact = result.artifact;
    job.keys = record.keys ?? null;
    enter(state, job, "succeeded");
    changes.push({ kind: "succeeded", job: record.job, attempt });
    reachDependants(state, record.job, record.at, changes);
  } else if (isCancelled(state, job)) {
    cancelJob(state, record.job, cancelReason(state), record.at, changes, attempt);
  } else if (retryDelayMs !== null) {
    job.readyAt = record.at + retryDelayMs;
    enter(state, job, "ready");
    changes.push({ kind: "retrying", job: record.job, attempt, delayMs: retryDelayMs });
  } else {
    failJob(state, record.job, attempt, result.outcome, record.at, changes);
  }
}

const succeeded: Outcome = Object.freeze({ kind: "succeeded" });

/** The same in the least memory: as it comes from a message it has a shape of its own, and a text for what most say. */
function keptResult(result: AttemptResult): AttemptResult {
  const { outcome, wallMs, cpuMs, peakMemoryBytes, artifact, logBytes } = result;
  const kept = outcome.kind === "succeeded" ? succeeded : outcome;
  return { outcome: kept, wallMs, cpuMs, peakMemoryBytes, artifact, logBytes };
}

function onReused(state: RunState, record: RecordOf<"reused">, changes: Change[]): void {
  const { job: index, key, deepKey, isCutoff, from } = record;
  const job = jobAt(state, index);
  if (job.phase !== "ready") return;
  job.reuse = { kind: "reused", isCutoff, from };
  job.keys = { key, deepKey };
  job.artifact = record.artifact;
  state.reused += 1;
  enter(state, job, "succeeded");
  changes.push({ kind: "reused", job: index });
  reachDependants(state, index, record.at, changes);
}

function onLooked(state: RunState, record: RecordOf<"joined" | "notReused">, changes: Change[]): void {
  const job = jobAt(state, record.job);
  if (job.phase !== "ready") return;
  if (record.type === "notReused") {
    job.reuse = { kind: "missed", keys: record.keys, reason: record.reason };
    return;
  }
  const { run, job: name } = record.with;
  const joined = { kind: "joined", key: record.key, run, name } as const;
  job.reuse = joined;
  changes.push({ ...joined, job: record.job });
}

function onFailedUnassigned(state: RunState, record: RecordOf<"failedUnassigned">, changes: Change[]): void {
  const job = jobAt(state, record.job);
  if (job.phase !== "ready") return;
  job.outcome = record.outcome;
  failJob(state, record.job, null, record.outcome, record.at, changes);
}

function onCancelRequested(state: RunState, record: RecordOf<"cancelRequested">, changes: Change[]): void {
  if (record.job !== null) {
    const job = jobAt(state, record.job);
    if (isFinal(job.phase) || job.isCancelRequested) return;
    job.isCancelRequested = true;
    job.reason = record.reason;
    const attempt = liveAttempt(job);
    if (attempt === undefined) cancelJob(state, record.job, record.reason, record.at, changes);
    else changes.push({ kind: "jobCancelling", job: record.job, attempt, reason: record.reason });
    return;
  }
  if (state.cancel !== null) return;
  state.cancel = { by: record.by, reason: record.reason, cause: record.cause };
  state.status = "cancelling";
  changes.push({ kind: "cancelling", by: record.by, reason: record.reason });
  for (let index = 0; index < state.jobs.length; index++) {
    const job = jobAt(state, index);
    if (job.phase !== "waiting" && job.phase !== "ready") continue;
    // Without telling dependants: they are cancelled in this same loop, for the same reason.
    job.reason = record.reason;
    enter(state, job, "cancelled");
    changes.push({ kind: "cancelled", job: index, reason: record.reason, attempt: null });
  }
}

function onPrioritised(state: RunState, record: RecordOf<"prioritised">, changes: Change[]): void {
  const { job: index, priority } = record;
  const affected = index === null ? state.jobs.map((_, job) => job) : [index];
  const held = affected.filter((job) => isHeld(state, job));
  state.priorityChanges += 1;
  if (index === null) state.priority = priority;
  else jobAt(state, index).priority = priority;
  for (const job of held) if (!isHeld(state, job)) endHold(jobAt(state, job), record.at);
  for (const job of affected) if (isHeld(state, job)) forgetLooking(jobAt(state, job));
  if (index === null) changes.push({ kind: "prioritised", priority });
  else changes.push({ kind: "jobPrioritised", job: index, priority });
}

/** Equal jobs need not wait for one that is held; it is looked for anew. */
function forgetLooking(job: Job): void {
  if (job.phase === "ready") job.reuse = null;
}

/** Only now does it wait for a slot. */
function endHold(job: Job, at: number): void {
  if (job.phase === "ready") job.readyAt = Math.max(job.readyAt ?? 0, at);
}

function onAborted(state: RunState, record: RecordOf<"aborted">, changes: Change[]): void {
  state.reason = record.reason;
  for (let index = 0; index < state.jobs.length; index++) {
    const job = jobAt(state, index);
    if (isFinal(job.phase)) continue;
    const attempt = liveAttempt(job) ?? null;
    if (attempt !== null) attempt.endedAt = record.at;
    job.reason = record.reason;
    enter(state, job, "cancelled");
    changes.push({ kind: "cancelled", job: index, reason: record.reason, attempt });
  }
}

function failJob(
  state: RunState,
  index: number,
  attempt: Attempt | null,
  outcome: Outcome,
  at: number,
  changes: Change[],
): void {
  const job = jobAt(state, index);
  job.rootCause = index;
  enter(state, job, "failed");
  changes.push({
    kind: "failed",
    job: index,
    attempt,
    outcome,
    isAllowed: specAt(state, index).allowFailure,
  });
  reachDependants(state, index, at, changes);
}

function cancelJob(
  state: RunState,
  index: number,
  reason: string,
  at: number,
  changes: Change[],
  attempt: Attempt | null = null,
): void {
  const job = jobAt(state, index);
  job.reason ??= reason;
  job.rootCause = index;
  enter(state, job, "cancelled");
  changes.push({ kind: "cancelled", job: index, reason: job.reason, attempt });
  reachDependants(state, index, at, changes);
}

function isCancelled(state: RunState, job: Job): boolean {
  return state.cancel !== null || job.isCancelRequested;
}

function cancelReason(state: RunState): string {
  return state.cancel?.reason ?? "cancelled on request";
}
