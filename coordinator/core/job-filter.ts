/** Which jobs of a run a listing has: those for which everything holds that is asked for. */
import type { JobPhase } from "../../shared/model/event.ts";
import type { Pairs } from "../../shared/model/job-spec.ts";
import { jobAt, type RunState, specAt } from "./run-state.ts";

export interface JobFilter {
  readonly phase?: JobPhase | undefined;
  readonly job?: string | undefined;
  /** Any of them; those that are none of the run's count for nothing. */
  readonly names?: readonly string[] | undefined;
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
  return candidates(state, filter).filter((index) => isMatching(state, index, filter));
}

/** Whoever asks by name pays nothing for the other jobs. */
function candidates(state: RunState, { job, names }: JobFilter): number[] {
  const { indexOf } = state.graph;
  if (names === undefined)
    return job === undefined ? [...state.jobs.keys()] : [indexOf.get(job)].filter(isThere);
  const asked = new Set(names.map((name) => indexOf.get(name)).filter(isThere));
  const all = [...asked].sort((left, right) => left - right);
  return job === undefined ? all : all.filter((index) => index === indexOf.get(job));
}

function isThere(index: number | undefined): index is number {
  return index !== undefined;
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
