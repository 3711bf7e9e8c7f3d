import type { RecordOf, RunRecord } from "../../coordinator/core/record.ts";
import { noJobs } from "../../coordinator/core/run-state.ts";
import { runOptionsSchema } from "../../shared/model/api.ts";
import { graphSpecSchema } from "../../shared/model/job-spec.ts";
import { jobsOf, resultOf, succeeded } from "./run-driver.ts";

export interface RecordedRun {
  readonly submittedAt?: number;
  /** Null for a run that lives. */
  readonly endedAt: number | null;
  /** Digest of its graph as an object. */
  readonly graph?: string;
  /** Digest of its job's artifact. */
  readonly artifact?: string;
  /** Digest of the list of what it has carried over from an earlier run. */
  readonly carried?: string;
}

/** The records of a run of one job, as a journal holds them. */
export function recordedRun(run: RecordedRun): RunRecord[] {
  const at = run.submittedAt ?? (run.endedAt ?? Date.now()) - 60_000;
  const options = runOptionsSchema.parse({});
  const spec = graphSpecSchema.parse({ jobs: jobsOf({ build: {} }) });
  const graph = run.graph === undefined ? { inline: spec } : { digest: run.graph };
  const retry = run.carried === undefined ? {} : { retry: { of: "r0", carried: { digest: run.carried } } };
  const records: RunRecord[] = [
    { type: "submitted", at, name: null, graph, jobs: 1, options, ...retry } as RecordOf<"submitted">,
  ];
  if (run.artifact !== undefined) {
    const result = resultOf(succeeded, { digest: run.artifact, files: 1, bytes: 1 });
    records.push({ type: "finished", at, job: 0, attempt: 1, result, retryDelayMs: null });
  }
  if (run.endedAt !== null) records.push(endedRecord(at, run.endedAt));
  return records;
}

function endedRecord(submittedAt: number, at: number): RunRecord {
  const counts = { ...noJobs, succeeded: 1 };
  const summary = { name: null, jobs: 1, counts, submittedAt, priority: 500, submitter: "", reason: null };
  return { type: "ended", at, status: "succeeded", summary: { ...summary, retryOf: null, reused: 0 } };
}
