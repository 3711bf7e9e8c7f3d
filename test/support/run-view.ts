import { noJobs } from "../../coordinator/core/run-state.ts";
import type { RunView } from "../../shared/client/index.ts";

/** What is told of a run with one job; what is not given is as of one of which nobody has asked anything special. */
export function sampleRunView(given: Pick<RunView, "run" | "status" | "submittedAt" | "endedAt">): RunView {
  return {
    name: null,
    priority: 500,
    submitter: "",
    counts: { ...noJobs },
    reused: 0,
    jobs: 1,
    reason: null,
    retryOf: null,
    priorityChanges: 0,
    ...given,
  };
}
