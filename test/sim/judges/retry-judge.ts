/** Judges retries: a failed job is tried again as often as its spec says, and no more; losses are counted apart. */
import type { RecordOf } from "../../../coordinator/core/record.ts";
import type { RetryCause } from "../../../shared/model/job-spec.ts";
import type { Outcome } from "../../../shared/model/outcome.ts";
import type { Complain, JobModel } from "./job-model.ts";

/** Losses that a job is forgiven; the next one is its end. */
const FORGIVEN_LOSSES = 4;

const CAUSES: Readonly<Partial<Record<Outcome["kind"], RetryCause>>> = {
  failed: "failure",
  timeout: "timeout",
  outOfMemory: "outOfMemory",
};

export function judgeRetry(
  job: JobModel,
  { result, retryDelayMs }: RecordOf<"finished">,
  complain: Complain,
): void {
  const { kind } = result.outcome;
  if (kind === "succeeded" || kind === "cancelled") return;
  const isLoss = kind === "lost";
  const alike = job.leases.filter(
    (lease) => lease.result !== undefined && (lease.result.outcome.kind === "lost") === isLoss,
  );
  const most = isLoss ? (job.spec.rerunAfterLoss ? FORGIVEN_LOSSES : 0) : retriesFor(job, result.outcome);
  const isTriedAgain = retryDelayMs !== null;
  if (isTriedAgain !== alike.length <= most) {
    const told = isTriedAgain ? "tried again" : "given up";
    complain("retries", `${job.spec.name} is ${told} after ${alike.length} of ${most} (${kind})`);
  }
}

/** How often a job is tried again after failures, if the last one is of a kind that it names. */
function retriesFor({ spec: { retries } }: JobModel, outcome: Outcome): number {
  const cause = CAUSES[outcome.kind];
  if (cause === undefined || !retries.on.includes(cause)) return 0;
  if (cause !== "failure" || retries.exitCodes === undefined) return retries.max;
  const isNamed =
    outcome.kind === "failed" && outcome.reason === "exit" && retries.exitCodes.includes(outcome.exitCode);
  return isNamed ? retries.max : 0;
}
