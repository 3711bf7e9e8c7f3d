/** The jobs of many runs, one run after the other, and no more of them in memory than a page. */
import type { Client, JobFilter, JobView, RunView } from "../../../shared/client/index.ts";
import { MillraceError } from "../../../shared/model/error.ts";
import type { RunStatus } from "../../../shared/model/event.ts";
import { isWithin, mayHaveJobsWithin, type Period, refuseUnfiltered } from "./history-filter.ts";

/** A job of a run that is kept. */
export interface PastJob {
  readonly run: RunView;
  readonly job: JobView;
  /** When its latest attempt began; of one that has not run there, when its run was submitted. */
  readonly at: string;
}

/** Runs, the latest first, each once. */
export async function* latestRuns(client: Pick<Client, "runs">, status?: RunStatus): AsyncGenerator<RunView> {
  // What is submitted while pages are read moves others to a page that comes later.
  const seen = new Set<string>();
  for await (const view of client.runs(status === undefined ? {} : { status })) {
    if (seen.has(view.run)) continue;
    seen.add(view.run);
    yield view;
  }
}

/** The jobs of these runs that match and began in the period; within a run in the order of its graph. */
export async function* pastJobs(
  client: Pick<Client, "jobs">,
  runs: AsyncIterable<RunView> | Iterable<RunView>,
  filter: JobFilter,
  period: Period,
): AsyncGenerator<PastJob> {
  for await (const run of runs) {
    if (!mayHaveJobsWithin(period, run)) continue;
    for await (const job of keptJobs(client, run.run, filter)) {
      const at = job.attempts.findLast(({ startedAt }) => startedAt !== null)?.startedAt ?? run.submittedAt;
      if (isWithin(period, at)) yield { run, job, at };
    }
  }
}

/** None of a run that was removed since it was listed. */
async function* keptJobs(
  client: Pick<Client, "jobs">,
  run: string,
  filter: JobFilter,
): AsyncGenerator<JobView> {
  try {
    for await (const job of client.jobs(run, filter)) {
      refuseUnfiltered(job, filter);
      yield job;
    }
  } catch (error) {
    if (!(error instanceof MillraceError) || error.code !== "notFound") throw error;
  }
}

/** The first ones; 0 is all. What comes after them is not asked for. */
export async function* atMost<T>(limit: number, items: AsyncIterable<T> | Iterable<T>): AsyncGenerator<T> {
  let count = 0;
  for await (const item of items) {
    yield item;
    count++;
    if (count === limit) return;
  }
}
