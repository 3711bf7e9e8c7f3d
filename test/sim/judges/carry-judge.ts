/** Judges what a retry has from the start: all that ended well in the earlier run and rests on nothing that runs again. */
import type { RecordOf } from "../../../coordinator/core/record.ts";
import { acceptedDigest, type Complain, type JobModel } from "./job-model.ts";
import type { RunModel } from "./run-model.ts";

type Retry = NonNullable<RecordOf<"submitted">["retry"]>;

export function judgeCarried(
  model: RunModel,
  { of, carried }: Retry,
  at: number,
  runs: ReadonlyMap<string, RunModel>,
  complain: Complain,
): void {
  const earlier = runs.get(of);
  if (earlier?.ended === undefined || !("inline" in carried)) {
    return complain("carried", `${model.run} retries ${of}, which has not ended`);
  }
  const told = new Map(carried.inline.map((job) => [job.job, job]));
  // Whether one that was skipped or blocked, by the order of what it needs, runs again can't be told from outside.
  const isCertain = earlier.jobs.every(({ ending }) => ending !== "mixed");
  const expected = new Map(
    earlier.jobs
      .filter((job) => (isCertain ? isGood(job) && isAsBefore(job) : told.has(job.index)))
      .map((job) => [job.index, job]),
  );
  for (const { job: index, outcome, artifact } of carried.inline) {
    const job = earlier.jobs[index];
    const name = `${model.run}: ${job?.spec.name}`;
    if (job === undefined || !expected.has(index)) complain("carried", `${name} should run again`);
    else if ((outcome.kind === "succeeded") !== (job.phase === "succeeded")) {
      complain("carried", `${name} is carried as ${outcome.kind}, and was ${job.phase}`);
    } else if (artifact?.digest !== acceptedDigest(job)) {
      complain(
        "carried",
        `${name} is carried with the artifact ${artifact?.digest} of ${acceptedDigest(job)}`,
      );
    }
  }
  for (const [index, { spec }] of expected) {
    if (!told.has(index)) complain("carried", `${model.run}: ${spec.name} need not run again`);
  }
  model.carry(expected, at);
}

function isGood({ ending, phase }: JobModel): boolean {
  return ending === "good" && phase !== undefined;
}

/** Neither the job nor anything that it rests on runs again. */
function isAsBefore(job: JobModel): boolean {
  return (isGood(job) || job.ending === "skipped") && job.needs.every(isAsBefore);
}
