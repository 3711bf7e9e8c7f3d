/**
 * The part of the fold that leads from one job to the next: what the end of a job means to those that need it.
 */
import type { JobPhase } from "../../shared/model/event.ts";
import { targetsOf } from "../../shared/model/graph.ts";
import type { Change } from "./change.ts";
import { isAllowedFailure, type Job, jobAt, type RunState, specAt } from "./run-state.ts";

/** Tells dependants, and theirs, that a job is final. A worklist, as graphs may be deeper than the call stack. */
export function reachDependants(state: RunState, from: number, at: number, changes: Change[]): void {
  const settled = [from];
  for (let next = settled.pop(); next !== undefined; next = settled.pop()) {
    for (const dependant of targetsOf(state.graph.dependants, next)) {
      if (onNeedFinal(state, dependant, next, at, changes)) settled.push(dependant);
    }
  }
}

/** One need of a waiting job is final. Returns whether that made the job itself final. */
function onNeedFinal(state: RunState, index: number, need: number, at: number, changes: Change[]): boolean {
  const job = jobAt(state, index);
  if (job.phase !== "waiting") return false;
  job.unmet -= 1;
  const needed = jobAt(state, need);
  const isGood = needed.phase === "succeeded" || isAllowedFailure(state, need);
  if (!isGood && needed.phase !== "skipped") {
    job.hasBadNeed = true;
    job.rootCause ??= needed.rootCause;
  }
  if (specAt(state, index).when === "success" && !isGood) {
    if (needed.phase === "skipped") return skip(state, index, "a job it needs was skipped", changes);
    enter(state, job, "blocked");
    changes.push({ kind: "blocked", job: index, rootCause: job.rootCause ?? need });
    return true;
  }
  return job.unmet === 0 ? onNeedsFinal(state, index, at, changes) : false;
}

/** All needs are final: the job may start, unless it waits for a failure that did not come. */
export function onNeedsFinal(state: RunState, index: number, at: number, changes: Change[]): boolean {
  const job = jobAt(state, index);
  if (specAt(state, index).when === "onFailure" && !job.hasBadNeed) {
    return skip(state, index, "nothing it needs has failed", changes);
  }
  // What it ran after does not explain what becomes of it now.
  job.rootCause = null;
  job.readyAt = at;
  enter(state, job, "ready");
  changes.push({ kind: "ready", job: index });
  return false;
}

function skip(state: RunState, index: number, reason: string, changes: Change[]): true {
  const job = jobAt(state, index);
  job.reason = reason;
  enter(state, job, "skipped");
  changes.push({ kind: "skipped", job: index, reason });
  return true;
}

/** The job is in this phase from here on. */
export function enter(state: RunState, job: Job, phase: JobPhase): void {
  state.counts[job.phase] -= 1;
  state.counts[phase] += 1;
  job.phase = phase;
}
