import type { Client } from "../../../shared/client/client.ts";
import { asMillraceError } from "../../../shared/model/error.ts";
import type { FailedJob, RunProgress } from "../progress/run-progress.ts";
import type { RootCause } from "./summary-lines.ts";

/** Lines of a log that are shown where nobody says how many. */
const TAIL_LINES = 20;
/** More than this many failures are counted, not shown one by one. */
const MAX_ROOT_CAUSES = 100;
const CONCURRENT_READS = 8;

/** Reads the end of the log of each job that failed by itself. A log that can't be read is said, and fails nothing. */
export async function readRootCauses(
  client: Client,
  progress: RunProgress,
  tailLines = TAIL_LINES,
): Promise<RootCause[]> {
  const failures = progress.failures.slice(0, MAX_ROOT_CAUSES);
  const causes: RootCause[] = [];
  for (let first = 0; first < failures.length; first += CONCURRENT_READS) {
    const batch = failures.slice(first, first + CONCURRENT_READS);
    causes.push(
      ...(await Promise.all(batch.map((failure) => readRootCause(client, progress.run, failure, tailLines)))),
    );
  }
  return causes;
}

async function readRootCause(
  client: Client,
  run: string,
  failure: FailedJob,
  tailLines: number,
): Promise<RootCause> {
  const { job, attempt } = failure;
  if (attempt === null) return { failure, tail: null };
  try {
    return { failure, tail: await client.logTail(run, job, tailLines, { attempt }) };
  } catch (error) {
    return { failure, tail: null, tailProblem: asMillraceError(error, "reading failed").message };
  }
}
