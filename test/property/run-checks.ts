import {
  isAllowedFailure,
  isFinal,
  jobAt,
  liveAttempt,
  type RunState,
} from "../../coordinator/core/run-state.ts";
import { targetsOf, transitiveNeeds } from "../../shared/model/graph.ts";

/** What holds of a run by itself, however it came about. */
export function checkRun(state: RunState): void {
  const counted = new Map<string, number>();
  state.jobs.forEach((job, index) => {
    const name = state.graph.names[index];
    counted.set(job.phase, (counted.get(job.phase) ?? 0) + 1);
    if (job.attempts.some(({ attempt }, before) => attempt !== before + 1))
      throw new Error(`${name} has attempts out of order`);
    const open = job.attempts.filter(({ endedAt }) => endedAt === null);
    if (open.length !== (liveAttempt(job) === undefined ? 0 : 1))
      throw new Error(`${name} has ${open.length} open attempts`);
    if (["ready", "assigned", "running", "succeeded"].includes(job.phase) && job.rootCause !== null)
      throw new Error(`${name} has a root cause though nothing is wrong with it`);
    if (job.phase !== "blocked") return;
    const cause = job.rootCause === null ? undefined : state.jobs[job.rootCause]?.phase;
    const isBehind = transitiveNeeds(state.graph, [index]).includes(job.rootCause ?? -1);
    if (!isBehind || (cause !== "failed" && cause !== "cancelled"))
      throw new Error(`${name} is blocked by one that is ${cause}`);
  });
  for (const [phase, count] of Object.entries(state.counts)) {
    if ((counted.get(phase) ?? 0) !== count) throw new Error(`count of ${phase} is ${count}`);
  }
  checkNeeds(state);
}

/** No job is begun before its needs are final, and one that needs success only after success. */
export function checkNeeds(state: RunState): void {
  state.jobs.forEach((job, index) => {
    if (job.attempts.length === 0 && job.phase !== "ready") return;
    for (const need of targetsOf(state.graph.needs, index)) {
      const { phase } = jobAt(state, need);
      const isGood = phase === "succeeded" || isAllowedFailure(state, need);
      if (!isFinal(phase) || (state.specs[index]?.when === "success" && !isGood))
        throw new Error(`${state.graph.names[index]} was begun while ${state.graph.names[need]} is ${phase}`);
    }
  });
}
