/** Which jobs of a run a listing has: those for which everything holds that is asked for. */
import type { JobPhase } from "../../shared/model/event.ts";
import type { Pairs } from "../../shared/model/job-spec.ts";
import { jobAt, type RunState, specAt } from "./run-state.ts";

export interface JobFilter {
  readonly phase?: JobPhase | undefined;
  readonly job?: string | undefined;
  /** What the names begin with. */
  readonly namePrefix?: string | undefined;
  /** The image that the graph names. */
  readonly image?: string | undefined;
  /** Variables that the job sees, with these values. */
  readonly env?: Pairs | undefined;
  /** An agent that an attempt was on, be it the last one or not. */
  readonly agent?: string | undefined;
}

/** The jobs that match, by their indexes in the order of the graph. */
export function matchingJobs(state: RunState, filter: JobFilter): number[] {
  const { job } = filter;
  if (job === undefined) return [...state.jobs.keys()].filter((index) => isMatching(state, index, filter));
  const index = state.graph.indexOf.get(job);
  return index !== undefined && isMatching(state, index, filter) ? [index] : [];
}

function isMatching(
  state: RunState,
  index: number,
  { phase, namePrefix, image, env, agent }: JobFilter,
): boolean {
  const job = jobAt(state, index);
  const spec = specAt(state, index);
  if (phase !== undefined && job.phase !== phase) return false;
  if (namePrefix !== undefined && !spec.name.startsWith(namePrefix)) return false;
  if (image !== undefined && spec.image !== image) return false;
  if (agent !== undefined && !job.attempts.some((attempt) => attempt.agent === agent)) return false;
  return env === undefined || env.every(([name, value]) => variableOf(state, index, name) === value);
}

/** What the job sees: its own value over that of the whole run. */
function variableOf(state: RunState, index: number, name: string): string | undefined {
  const isNamed = ([key]: Pairs[number]) => key === name;
  return (specAt(state, index).env.findLast(isNamed) ?? state.vars.findLast(isNamed))?.[1];
}
