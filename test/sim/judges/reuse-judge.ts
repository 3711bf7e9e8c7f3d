/**
 * Judges what is reused by an account of its own: which job made what, of what. A reused job has what an equal one made;
 * equal jobs do not run at the same time where their run could know of each other.
 */
import type { RecordOf, RunRecord } from "../../../coordinator/core/record.ts";
import { acceptedDigest, type Complain, inputJobs, type JobModel } from "./job-model.ts";
import type { RunModel } from "./run-model.ts";

interface Made {
  readonly what: string;
  readonly agent: string;
  readonly digest: string | undefined;
}

interface Running {
  readonly model: RunModel;
  readonly job: JobModel;
}

export interface ReuseJudgeOptions {
  readonly identityOf: (agent: string) => string;
  /** Whether an artifact is gone, and has been for long enough for anybody to know. */
  readonly isGone: (digest: string) => boolean;
  /** An actor was made to fail: what it held may be forgotten. */
  readonly mayForget: () => boolean;
  readonly complain: Complain;
  readonly count: (what: string) => void;
}

export class ReuseJudge {
  readonly #options: ReuseJudgeOptions;
  /** By run, job and attempt. */
  readonly #made = new Map<string, Made>();
  /** Jobs that hold a lease, by what they are. */
  readonly #running = new Map<string, Set<Running>>();
  /** Jobs that were looked for, and whose place was known. */
  readonly #known = new Set<JobModel>();
  /** Jobs that nobody could run for a while: they keep no equal job waiting. */
  readonly #stranded = new Set<JobModel>();

  constructor(options: ReuseJudgeOptions) {
    this.#options = options;
  }

  /** Before the record counts. */
  onRecord(model: RunModel, record: RunRecord): void {
    switch (record.type) {
      case "reused":
        return this.#onReused(model, record);
      case "joined":
        return this.#options.count("job joined");
      case "notReused": {
        const job = model.jobs[record.job];
        this.#options.count("job not reused");
        if (job !== undefined && record.keys !== null) this.#known.add(job);
        return;
      }
      case "stranded": {
        const job = model.jobs[record.job];
        if (job !== undefined) this.#stranded.add(job);
        return;
      }
      case "assigned":
        return this.#onAssigned(model, record);
      case "returned":
      case "finished":
        return this.#onLeaseOver(model, record);
      case "aborted":
      case "ended":
        for (const running of this.#running.values())
          for (const one of running) if (one.model === model) running.delete(one);
    }
  }

  #onReused(model: RunModel, { job: index, from, artifact, isCutoff }: RecordOf<"reused">): void {
    const { complain, count } = this.#options;
    const job = model.jobs[index];
    if (job === undefined) return complain("rightReuse", `${model.run}: job ${index} is reused`);
    count(isCutoff ? "job reused through the cutoff" : "job reused");
    const name = `${model.run}: ${job.spec.name}`;
    const made = this.#made.get(`${from.run} ${from.job} ${from.attempt}`);
    if (made === undefined) return complain("rightReuse", `${name} is reused of what nobody made`);
    if (made.what !== whatIs(job)) complain("rightReuse", `${name} is reused of another job: ${made.what}`);
    if (made.agent !== from.agent || made.digest !== artifact?.digest)
      complain("rightReuse", `${name} is reused with ${artifact?.digest} of ${made.digest} by ${made.agent}`);
    if (!job.spec.reuse || !model.options.reuse) complain("rightReuse", `${name} is not to be reused`);
    if (artifact !== null && this.#options.isGone(artifact.digest))
      complain("rightReuse", `${name} is reused, though its artifact is gone`);
  }

  #onAssigned(model: RunModel, { job: index, agent }: RecordOf<"assigned">): void {
    const job = model.jobs[index];
    if (job === undefined) return;
    const what = `${this.#options.identityOf(agent)} ${whatIs(job)}`;
    const running = this.#running.get(what) ?? new Set();
    this.#running.set(what, running);
    const own = { model, job };
    for (const other of running) {
      if (!this.#mustKnow(own) || !this.#mustKnow(other)) continue;
      const { run } = other.model;
      this.#options.complain("runsOnce", `${model.run}: ${job.spec.name} is given out, and runs in ${run}`);
    }
    running.add(own);
  }

  /** Whether equal jobs are told of it; one that was held lets them go on, and so does one that goes by its history. */
  #mustKnow({ model, job }: Running): boolean {
    const isFree = model.mayBeEnded(job) || this.#stranded.has(job) || this.#options.mayForget();
    return this.#known.has(job) && model.options.cutoff && !isFree && job.spec.labels.length === 0;
  }

  #onLeaseOver(model: RunModel, record: RecordOf<"returned"> | RecordOf<"finished">): void {
    const job = model.jobs[record.job];
    const lease = job === undefined ? undefined : model.leaseOf(job);
    if (job === undefined || lease?.attempt !== record.attempt) return;
    for (const running of this.#running.values())
      for (const one of running) if (one.job === job) running.delete(one);
    if (record.type !== "finished" || record.result.outcome.kind !== "succeeded") return;
    const digest = record.result.artifact?.digest;
    const made = { what: whatIs(job), agent: lease.agent, digest };
    this.#made.set(`${model.run} ${job.spec.name} ${record.attempt}`, made);
  }
}

/** All that an equal job has, too. */
function whatIs(job: JobModel): string {
  const { name, run, env, outputs } = job.spec;
  const inputs = [...inputJobs(job)].flatMap((need) => {
    const digest = acceptedDigest(need);
    return digest === undefined ? [] : [`${need.spec.name} ${digest}`];
  });
  return JSON.stringify([name, run, env, outputs, inputs.sort()]);
}
