/**
 * Decisions about one run: what comes in from agents, the scheduler and people becomes journal records, or is
 * refused with a reason. Reads the state, never changes it; time and chance are arguments.
 *
 * Safe: 1. a grant is taken only by a ready job that is not held, and was looked for if it may be reused; 2. a report counts only for the attempt in force,
 * proved by its lease, from the agent it was given to; 3. a report that was accepted before is settled again, not counted again.
 * Live: 4. every finished or returned report is answered by `settle`, so no agent keeps one for ever.
 */
import type { Order, ReportItem } from "../../shared/model/messages.ts";
import type { Evidence, Outcome } from "../../shared/model/outcome.ts";
import { routineReturn } from "../../shared/model/return-reason.ts";
import { isRetriable } from "./carry-over.ts";
import { attemptRef } from "./job-request.ts";
import type { RecordOf, RunRecord } from "./record.ts";
import { finalLoss, retryDelayMs } from "./retry.ts";
import { isUndecided, keysOfSuccess } from "./reuse-decide.ts";
import {
  type Attempt,
  isFinal,
  isHeld,
  type Job,
  jobAt,
  liveAttempt,
  priorityOf,
  type RunState,
  specAt,
} from "./run-state.ts";

export interface Decision {
  readonly records: RunRecord[];
  /** The agent may forget the report, once the records are stored. */
  readonly settles: boolean;
  /** Why the input was refused, for the counters. */
  readonly refusal?: "staleLease" | "unknownJob" | "otherAgent";
}

const nothing: Decision = { records: [], settles: false };

/** What is known of an attempt of which nobody has reported the end. */
const unmeasured = { wallMs: null, cpuMs: null, peakMemoryBytes: null, artifact: null, logBytes: 0 };

/**
 * A leader takes the run over: the time in which nobody led, and the difference of two hosts' clocks, count for nothing.
 * `lastTold` is the number of the last event that is known to be told.
 */
export function onTakenOver(state: RunState, now: number, lastTold = 0): RunRecord[] {
  if (state.endedAt !== null) return [];
  const isAhead = lastTold > state.eventSeq;
  return [
    { type: "claimed", at: now, shiftMs: now - state.lastAt, ...(isAhead ? { eventSeq: lastTold } : {}) },
  ];
}

/** The leader's wall clock was set, by `byMs`: deadlines that are open keep their distance. */
export function onClockSet(state: RunState, byMs: number, now: number): RunRecord[] {
  return state.endedAt === null ? [{ type: "claimed", at: now, shiftMs: byMs }] : [];
}

/** The scheduler found a place for a job. No record: the grant is stale and the place is to be released. */
export function onGranted(
  state: RunState,
  grant: { job: number; agent: string; incarnation: string; lease: string },
  now: number,
): RunRecord[] {
  const job = state.jobs[grant.job];
  if (job?.phase !== "ready" || isHeld(state, grant.job)) return [];
  // It was held since it asked, and is to be looked for again.
  if (isUndecided(state, grant.job)) return [];
  return [{ type: "assigned", at: now, attempt: job.attempts.length + 1, ...grant }];
}

/** An agent says what became of an attempt. */
export function onReported(
  state: RunState,
  agent: string,
  item: ReportItem,
  now: number,
  chance: number,
): Decision {
  const job = state.jobs[item.job];
  if (job === undefined) return { records: [], settles: true, refusal: "unknownJob" };
  const named = job.attempts.find((known) => known.attempt === item.attempt && known.lease === item.lease);
  if (named === undefined) return { records: [], settles: true, refusal: "staleLease" };
  if (named.agent !== agent) return { records: [], settles: true, refusal: "otherAgent" };
  const attempt = liveAttempt(job);
  if (attempt !== named) return { records: [], settles: true };
  switch (item.kind) {
    case "started":
      if (job.phase === "running") return nothing;
      return { ...nothing, records: [{ type: "started", at: now, job: item.job, attempt: item.attempt }] };
    case "progress": {
      const { phase, percent } = item;
      if (attempt.progress?.phase === phase && attempt.progress.percent === percent) return nothing;
      const { job: index, attempt: number } = item;
      return {
        ...nothing,
        records: [{ type: "progressed", at: now, job: index, attempt: number, phase, percent }],
      };
    }
    case "returned":
      return { records: givenBack(state, item, now), settles: true };
    case "finished":
      if (item.result.outcome.kind === "cancelled" && !isCancelWanted(state, job)) {
        // Ended to hold it, or by the agent's own stop: it did not fail, and goes back to the queue.
        return { records: [returned(item, now, routineReturn.ended)], settles: true };
      }
      return { records: finished(state, item.job, attempt, item, now, chance), settles: true };
  }
}

/** The attempt in force of a job can't be accounted for any more: its agent or its process is gone. */
export function onAttemptLost(
  state: RunState,
  job: number,
  message: string,
  now: number,
  chance: number,
): RunRecord[] {
  const known = state.jobs[job];
  const attempt = known === undefined ? undefined : liveAttempt(known);
  if (attempt === undefined) return [];
  const outcome: Outcome = { kind: "lost", message };
  return finished(state, job, attempt, { result: { ...unmeasured, outcome } }, now, chance);
}

/** Someone asks to end the run, or one job of it. Asking again, or for what has ended, is no error. */
export function onCancelRequested(
  state: RunState,
  request: { job: number | null; by: string; reason: string },
  now: number,
): RunRecord[] {
  if (state.endedAt !== null) return [];
  if (request.job === null ? state.cancel !== null : isSettled(state.jobs[request.job])) return [];
  return [{ type: "cancelRequested", at: now, cause: "request", ...request }];
}

/** `after`: how many settings of a priority are known to whom it comes from; left out, they do not tell. */
export interface PriorityRequest {
  readonly job: number | null;
  readonly priority: number;
  readonly after?: number | undefined;
}

/** Whether a request comes so late (repeated, and held up on its way) that it would undo a setting made since. */
export function isOvertaken(state: RunState, { job, priority, after }: PriorityRequest): boolean {
  return after !== undefined && after !== state.priorityChanges && priority !== setPriority(state, job);
}

/** Someone sets the priority of the run or of one of its jobs; it is not to be overtaken. */
export function onPriorityRequested(state: RunState, request: PriorityRequest, now: number): RunRecord[] {
  const { job, priority, after } = request;
  if (state.endedAt !== null) return [];
  // Also recorded where it changes nothing: what was asked for before must not follow it.
  if (priority === setPriority(state, job) && after !== state.priorityChanges) return [];
  return [{ type: "prioritised", at: now, job, priority }];
}

function setPriority(state: RunState, job: number | null): number {
  return job === null ? state.priority : priorityOf(state, job);
}

/** No registered agent could ever run a ready job: it fails at once where the run asks for that, or is told about. */
export function onStranded(state: RunState, job: number, reason: string, now: number): RunRecord[] {
  if (state.jobs[job]?.phase !== "ready") return [];
  if (!state.options.failUnschedulable) return [{ type: "stranded", at: now, job, reason }];
  const outcome: Outcome = { kind: "failed", reason: "unschedulable", message: reason };
  return [{ type: "failedUnassigned", at: now, job, outcome }];
}

/**
 * Jobs that have waited for a slot longer than their `timeout.queue`. One in the queue fails; one in the backlog of an
 * agent is recalled, and fails when it is given back: had it started meanwhile, it would go on.
 */
export function onQueueCheck(
  state: RunState,
  jobs: readonly number[],
  now: number,
): { readonly records: RunRecord[]; readonly recalls: { job: number; agent: string }[] } {
  const overdue = jobs.filter((job) => isQueueOverdue(state, job, now));
  const waiting = overdue.filter((job) => state.jobs[job]?.phase === "ready");
  const recalls = overdue.flatMap((job) => {
    const attempt = liveAttempt(jobAt(state, job));
    return attempt === undefined ? [] : [{ job, agent: attempt.agent }];
  });
  return { records: waiting.map((job) => queueTimeout(state, job, now)), recalls };
}

/** Asks agents to give back jobs that wait in their backlogs; one that is elsewhere by now, or runs, is left alone. */
export function onRecalled(
  state: RunState,
  recalls: readonly { readonly job: number; readonly agent: string }[],
): { readonly agent: string; readonly order: Order }[] {
  return recalls.flatMap(({ job, agent }) => {
    const known = state.jobs[job];
    const attempt = known === undefined ? undefined : liveAttempt(known);
    if (known?.phase !== "assigned" || attempt?.agent !== agent) return [];
    return [{ agent, order: { kind: "recall", ...attemptRef(state, job, attempt) } }];
  });
}

/** What follows from the state alone, asked after every fold: fail fast, and the end of the run. */
export function onSettled(state: RunState, now: number): RunRecord[] {
  if (state.endedAt !== null) return [];
  const { counts } = state;
  if (counts.waiting + counts.ready + counts.assigned + counts.running === 0) return [ended(state, now)];
  if (state.options.keepGoing || state.cancel !== null || counts.failed === 0) return [];
  const culprit = state.jobs.findIndex(
    (job, index) => job.phase === "failed" && !specAt(state, index).allowFailure,
  );
  if (culprit === -1) return [];
  const reason = `fail-fast: ${specAt(state, culprit).name} failed`;
  return [{ type: "cancelRequested", at: now, job: null, by: "millrace", reason, cause: "failFast" }];
}

function finished(
  state: RunState,
  job: number,
  attempt: Attempt,
  { result, ranOn, implicit }: Pick<RecordOf<"finished">, "result" | "ranOn" | "implicit">,
  now: number,
  chance: number,
): RunRecord[] {
  const { outcome } = result;
  const earlier = jobAt(state, job).attempts.slice(0, -1);
  const delayMs = retryDelayMs(specAt(state, job), earlier, outcome, chance);
  const isFinalLoss = outcome.kind === "lost" && delayMs === null;
  const told = isFinalLoss ? { ...result, outcome: finalLoss(earlier, attempt, outcome.message) } : result;
  const evidence: Evidence = {};
  if (ranOn !== undefined) evidence.ranOn = ranOn;
  if (implicit !== undefined) evidence.implicit = implicit;
  const { attempt: number } = attempt;
  const keys = outcome.kind === "succeeded" ? keysOfSuccess(state, job, ranOn) : undefined;
  const remembered = keys === undefined ? {} : { keys };
  return [
    {
      type: "finished",
      at: now,
      job,
      attempt: number,
      result: told,
      ...evidence,
      retryDelayMs: delayMs,
      ...remembered,
    },
  ];
}

/** An attempt that never started: its job goes back to the queue, unless it has waited for too long already. */
function givenBack(
  state: RunState,
  item: Extract<ReportItem, { kind: "returned" }>,
  now: number,
): RunRecord[] {
  const record = returned(item, now, item.reason);
  const isTooLate = isQueueOverdue(state, item.job, now) && !isCancelWanted(state, jobAt(state, item.job));
  return isTooLate ? [record, queueTimeout(state, item.job, now)] : [record];
}

/** Whether a job waits for a slot, in the queue or in an agent's backlog, and has done so for too long. */
function isQueueOverdue(state: RunState, index: number, now: number): boolean {
  const { phase, readyAt } = jobAt(state, index);
  const limitMs = specAt(state, index).timeouts.queueMs;
  if (limitMs === undefined || readyAt === null || isHeld(state, index)) return false;
  return (phase === "ready" || phase === "assigned") && now - readyAt >= limitMs;
}

function queueTimeout(state: RunState, job: number, at: number): RunRecord {
  const limitMs = specAt(state, job).timeouts.queueMs ?? 0;
  return { type: "failedUnassigned", at, job, outcome: { kind: "timeout", limit: "queue", limitMs } };
}

function returned(item: ReportItem, now: number, reason: string): RunRecord {
  return { type: "returned", at: now, job: item.job, attempt: item.attempt, reason };
}

function isCancelWanted(state: RunState, job: Job): boolean {
  return state.cancel !== null || job.isCancelRequested;
}

function isSettled(job: Job | undefined): boolean {
  return job === undefined || isFinal(job.phase) || job.isCancelRequested;
}

function ended(state: RunState, now: number): RunRecord {
  const { counts } = state;
  const summary = {
    name: state.name,
    jobs: state.jobs.length,
    counts: { ...counts },
    submittedAt: state.submittedAt,
    priority: state.priority,
    submitter: state.options.submitter,
    reason: state.reason ?? state.cancel?.reason ?? null,
    retryOf: state.retryOf,
    reused: state.reused,
  };
  return { type: "ended", at: now, status: finalStatus(state), summary };
}

function finalStatus(state: RunState): "succeeded" | "failed" | "cancelled" | "infrastructure" {
  if (state.reason !== null) return "infrastructure";
  if (state.cancel?.cause === "request") return "cancelled";
  // What ended well leaves nothing to a retry.
  return isRetriable(state) ? "failed" : "succeeded";
}
