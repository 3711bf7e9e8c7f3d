/**
 * A run's state as lines of text, to go on from without folding all of its records again. The first line holds the run as
 * a whole, each further line some of its jobs. What the submission alone decides (graph, options, name) is not written.
 *
 * Safe: for all records, to fold them is the same as to fold the first ones, write and read the state, and fold the rest.
 */

import type { Artifact } from "../../shared/model/outcome.ts";
import { type Column, columnOf, type Plain, valuesOf } from "./column.ts";
import type { Job, RunState } from "./run-state.ts";

/** To be raised when the fields of the state change, or what one of them means. */
export const SNAPSHOT_FORMAT = 4;

/** A line is written and read without giving way. */
const JOBS_PER_LINE = 2_000;

/** `own`: the artifact is the one of the last attempt's result. */
type WrittenJob = Omit<Job, "artifact"> & { readonly artifact: Artifact | "own" | null };

/** Makes the lines of a state, one by one; the state must not change meanwhile. */
export function* writeRun(state: RunState): Generator<string> {
  yield JSON.stringify(whole(state));
  for (let from = 0; from < state.jobs.length; from += JOBS_PER_LINE) {
    yield JSON.stringify(columnOf<WrittenJob>(state.jobs.slice(from, from + JOBS_PER_LINE).map(writtenJob)));
  }
}

/** Takes a run from where its submission left it to where it was when the lines were written. */
export class RunReader {
  readonly #state: RunState;
  /** Undefined before the first line. */
  #jobsRead: number | undefined;

  constructor(submitted: RunState) {
    this.#state = submitted;
  }

  read(line: string): void {
    if (this.#jobsRead === undefined) {
      Object.assign(this.#state, JSON.parse(line) as ReturnType<typeof whole>);
      this.#jobsRead = 0;
      return;
    }
    for (const job of valuesOf(JSON.parse(line) as Column) as WrittenJob[]) {
      this.#state.jobs[this.#jobsRead] = readJob(job);
      this.#jobsRead += 1;
    }
  }

  /** Once all lines are read. */
  finish(): RunState {
    const { jobs, graph } = this.#state;
    if (this.#jobsRead === graph.size && jobs.length === graph.size) return this.#state;
    throw new RangeError(`the snapshot has ${this.#jobsRead ?? 0} jobs, the graph ${graph.size}`);
  }
}

/** All but the jobs and what the submission decides. */
function whole(state: RunState) {
  const { run, graph, specs, vars, name, options, submittedAt, retryOf, carried, jobs, ...rest } = state;
  return rest satisfies Plain<typeof rest>;
}

function writtenJob(job: Job): WrittenJob {
  return isOwnArtifact(job) ? { ...job, artifact: "own" } : job;
}

function readJob(job: WrittenJob): Job {
  const artifact = job.artifact === "own" ? (job.attempts.at(-1)?.result?.artifact ?? null) : job.artifact;
  return Object.assign(job, { artifact });
}

function isOwnArtifact({ artifact, attempts }: Job): boolean {
  return artifact !== null && artifact === attempts.at(-1)?.result?.artifact;
}
