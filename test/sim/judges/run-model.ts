/**
 * What one run's journal entitles everybody to: an account of its own, made from the stored records alone and knowing
 * nothing of the product's fold. It asks less: what a job's end was, and whether something may happen now.
 */
import type { RecordOf, RunRecord } from "../../../coordinator/core/record.ts";
import type { RunOptions } from "../../../shared/model/api.ts";
import type { JobSpec } from "../../../shared/model/job-spec.ts";
import { acceptedDigest, type Complain, type Ending, type JobModel, type LeaseModel } from "./job-model.ts";
import { judgeRetry } from "./retry-judge.ts";

export class RunModel {
  readonly run: string;
  readonly jobs: readonly JobModel[];
  readonly byName: ReadonlyMap<string, JobModel>;
  readonly options: RunOptions;
  /** Of its graph, where that is stored elsewhere. */
  readonly graphDigest: string | undefined;
  cancelCause: RecordOf<"cancelRequested">["cause"] | undefined;
  isAborted = false;
  /** A deposed leader has stored it, and the next one does not know of it: that is for the one after. */
  isStray = false;
  /** It is given up: nobody is to know of it any more. */
  isCondemned = false;
  wasHeld: boolean;
  #priority: number;
  /** Jobs that wait for a slot for a limited time only. */
  readonly #impatient: readonly JobModel[];
  ended: RecordOf<"ended"> | undefined;

  constructor(run: string, jobs: readonly JobSpec[], { at, options, graph }: RecordOf<"submitted">) {
    const { priority } = options;
    this.graphDigest = "digest" in graph ? graph.digest : undefined;
    this.run = run;
    this.options = options;
    const models: JobModel[] = [];
    const byName = new Map<string, JobModel>();
    for (const [index, spec] of jobs.entries()) {
      const model: JobModel = {
        index,
        spec,
        needs: [],
        leases: [],
        ending: undefined,
        phase: undefined,
        isCancelRequested: false,
        priority: spec.priority,
        wasHeld: spec.priority === 0,
        readyAt: null,
        carriedDigest: undefined,
        reusedMs: undefined,
      };
      models.push(model);
      byName.set(spec.name, model);
    }
    for (const model of models) {
      for (const need of model.spec.needs) (model.needs as JobModel[]).push(byName.get(need.job) as JobModel);
    }
    this.jobs = models;
    this.#impatient = models.filter(({ spec }) => spec.timeouts.queueMs !== undefined);
    this.#noteReady(at);
    this.byName = byName;
    this.wasHeld = priority === 0;
    this.#priority = priority;
  }

  get isCancelRequested(): boolean {
    return this.cancelCause !== undefined;
  }

  /** The lease in force, if there is one. */
  leaseOf(job: JobModel): LeaseModel | undefined {
    const last = job.leases.at(-1);
    return last === undefined || last.isOver ? undefined : last;
  }

  mayBeEnded(job: JobModel): boolean {
    return this.isCancelRequested || job.isCancelRequested || this.wasHeld || job.wasHeld || this.isAborted;
  }

  /** The jobs that the run has from the one that it retries, each with how it ended there. */
  carry(jobs: ReadonlyMap<number, JobModel>, at: number): void {
    for (const [index, earlier] of jobs) {
      const job = this.jobs[index];
      if (job === undefined) continue;
      job.carriedDigest = acceptedDigest(earlier);
      this.#end(job, "good", earlier.phase);
    }
    this.#noteReady(at);
  }

  /** Takes a stored record; what the records before it do not allow is complained about. */
  take(record: RunRecord, nowMs: number, complain: Complain): void {
    if (this.ended !== undefined && record.type === "ended" && record.removed === true) {
      this.isCondemned = true;
      return;
    }
    if (this.ended !== undefined && record.type !== "claimed") {
      complain("endIsFinal", `${record.type} after the end`);
      return;
    }
    this.#apply(record, nowMs, complain);
    this.#noteReady(record.at);
  }

  #noteReady(at: number): void {
    for (const job of this.#impatient) {
      if (job.readyAt === null && job.needs.every((need) => this.endingOf(need) !== undefined))
        job.readyAt = at;
    }
  }

  #apply(record: RunRecord, nowMs: number, complain: Complain): void {
    switch (record.type) {
      case "assigned":
        return this.#onAssigned(record, nowMs, complain);
      case "started":
        return this.#onStarted(record, complain);
      case "returned":
      case "finished":
        return this.#onLeaseOver(record, nowMs, complain);
      case "reused":
        return this.#onReused(record, nowMs, complain);
      case "failedUnassigned":
        return this.#onFailedUnassigned(record, complain);
      case "claimed":
        for (const job of this.#impatient) if (job.readyAt !== null) job.readyAt += record.shiftMs;
        return;
      case "cancelRequested":
        return this.#onCancelRequested(record);
      case "prioritised":
        return this.#onPrioritised(record);
      case "aborted":
        return this.#onAborted(nowMs);
      case "ended":
        this.ended = record;
        return this.#onEnded(record, complain);
    }
  }

  /** How a job has ended, by what the records say of it and of its needs; undefined while it has not. */
  endingOf(job: JobModel): Ending | undefined {
    job.ending ??= this.#derive(job);
    return job.ending;
  }

  #derive(job: JobModel): Ending | undefined {
    if (job.leases.length > 0 || job.needs.length === 0) return this.#deriveWithoutNeeds(job);
    const endings = job.needs.map((need) => this.endingOf(need));
    if (job.spec.when === "success") {
      if (endings.includes("mixed")) return "mixed";
      const isBlocked = endings.includes("bad");
      const isSkipped = endings.includes("skipped");
      if (isBlocked && isSkipped) return "mixed";
      if (isBlocked || isSkipped) return isBlocked ? "bad" : "skipped";
    }
    if (endings.includes(undefined)) return undefined;
    return this.#deriveWithoutNeeds(job);
  }

  /** Only a job that waits for a failure ends by itself when all its needs have. */
  #deriveWithoutNeeds(job: JobModel): Ending | undefined {
    if (job.leases.length > 0 || job.spec.when !== "onFailure") return undefined;
    const endings = job.needs.map((need) => need.ending);
    if (endings.includes("bad")) return undefined;
    return endings.includes("mixed") ? "mixed" : "skipped";
  }

  #onAssigned(record: RecordOf<"assigned">, nowMs: number, complain: Complain): void {
    const job = this.jobs[record.job];
    if (job === undefined) return complain("jobExists", `job ${record.job} is assigned`);
    const name = job.spec.name;
    if (this.leaseOf(job) !== undefined) complain("oneLease", `${name} is assigned twice at a time`);
    if (this.endingOf(job) !== undefined && job.ending !== "mixed") {
      complain("needsFirst", `${name} is assigned though it has ended: ${job.ending}`);
    }
    for (const need of job.needs) {
      const ending = this.endingOf(need);
      if (ending === undefined)
        complain("needsFirst", `${name} is assigned before ${need.spec.name} has ended`);
      if (job.spec.when === "success" && ending !== "good" && ending !== "mixed") {
        complain("needsFirst", `${name} is assigned though ${need.spec.name} ended ${ending}`);
      }
    }
    if (this.#isHeld(job)) complain("held", `${name} is assigned though it is held`);
    if (record.attempt !== job.leases.length + 1) {
      complain(
        "attemptsCount",
        `${name} is assigned as attempt ${record.attempt} after ${job.leases.length}`,
      );
    }
    const { attempt, agent, lease } = record;
    const begun = {
      assignedMs: nowMs,
      endedMs: 0,
      isOver: false,
      isReported: false,
      wasGivenBack: false,
      hasStarted: false,
      result: undefined,
    };
    job.leases.push({ attempt, agent, lease, ...begun });
  }

  #onReused(record: RecordOf<"reused">, nowMs: number, complain: Complain): void {
    const job = this.jobs[record.job];
    if (job === undefined) return complain("jobExists", `job ${record.job} is reused`);
    const { name } = job.spec;
    if (this.leaseOf(job) !== undefined) complain("oneLease", `${name} is reused though it is assigned`);
    if (this.endingOf(job) !== undefined && job.ending !== "mixed")
      complain("needsFirst", `${name} is reused though it has ended: ${job.ending}`);
    const isOpen = job.needs.some((need) => !["good", "mixed"].includes(this.endingOf(need) ?? ""));
    if (isOpen) complain("needsFirst", `${name} is reused before all that it needs has succeeded`);
    if (this.#isHeld(job)) complain("held", `${name} is reused though it is held`);
    job.carriedDigest = record.artifact?.digest;
    job.reusedMs = nowMs;
    this.#end(job, "good", "succeeded");
  }

  #onStarted(record: RecordOf<"started">, complain: Complain): void {
    const lease = this.#leaseInForce(record, complain);
    if (lease === undefined) return;
    if (lease.hasStarted) complain("eventsOnce", `attempt ${record.attempt} of ${record.job} starts twice`);
    lease.hasStarted = true;
  }

  #onLeaseOver(record: RecordOf<"returned"> | RecordOf<"finished">, nowMs: number, complain: Complain): void {
    const lease = this.#leaseInForce(record, complain);
    const job = this.jobs[record.job];
    if (lease === undefined || job === undefined) return;
    lease.isOver = true;
    lease.endedMs = nowMs;
    const isCancelled = this.isCancelRequested || job.isCancelRequested;
    if (record.type === "returned") {
      lease.wasGivenBack = true;
      if (lease.hasStarted) job.readyAt = record.at;
      if (isCancelled) this.#end(job, "bad", "cancelled");
      return;
    }
    lease.result = record.result;
    if (record.retryDelayMs !== null) job.readyAt = record.at + record.retryDelayMs;
    if (!isCancelled) judgeRetry(job, record, complain);
    if (record.result.outcome.kind === "succeeded") this.#end(job, "good", "succeeded");
    else if (isCancelled) this.#end(job, "bad", "cancelled");
    else if (record.retryDelayMs === null) this.#end(job, job.spec.allowFailure ? "good" : "bad", "failed");
  }

  #leaseInForce(
    record: { readonly type: string; readonly job: number; readonly attempt: number },
    complain: Complain,
  ): LeaseModel | undefined {
    const job = this.jobs[record.job];
    const lease = job === undefined ? undefined : this.leaseOf(job);
    if (lease?.attempt === record.attempt) return lease;
    const inForce = lease === undefined ? "none is" : `${lease.attempt} is`;
    complain(
      "leaseInForce",
      `${record.type} of attempt ${record.attempt} of ${job?.spec.name}; ${inForce} in force`,
    );
    return undefined;
  }

  #onFailedUnassigned(record: RecordOf<"failedUnassigned">, complain: Complain): void {
    const job = this.jobs[record.job];
    if (job === undefined) return;
    if (this.leaseOf(job) !== undefined)
      complain("oneLease", `${job.spec.name} fails unassigned though it is assigned`);
    this.#judgeWait(job, record, complain);
    this.#end(job, job.spec.allowFailure ? "good" : "bad", "failed");
  }

  /** A job that nobody has run has waited for as long as it says, if it failed for that. */
  #judgeWait(job: JobModel, { at, outcome }: RecordOf<"failedUnassigned">, complain: Complain): void {
    const name = job.spec.name;
    const limitMs = job.spec.timeouts.queueMs ?? Number.POSITIVE_INFINITY;
    if (outcome.kind === "timeout") {
      const waitedMs = job.readyAt === null ? 0 : at - job.readyAt;
      if (waitedMs < limitMs) complain("queueLimit", `${name} fails after ${waitedMs} of ${limitMs} ms`);
      if (this.#isHeld(job)) complain("queueLimit", `${name} fails for waiting though it is held`);
    } else if (!this.options.failUnschedulable) {
      complain("schedulable", `${name} fails unassigned though its run waits for agents`);
    }
  }

  /** Whether the run is held, or a job of it. */
  isHeld(job: string | undefined): boolean {
    return (
      this.ended === undefined &&
      (this.#priority === 0 || (job !== undefined && this.byName.get(job)?.priority === 0))
    );
  }

  #isHeld(job: JobModel): boolean {
    return this.#priority === 0 || job.priority === 0;
  }

  #onCancelRequested({ job: index, cause }: RecordOf<"cancelRequested">): void {
    for (const job of this.jobs) this.endingOf(job);
    if (index === null) this.cancelCause ??= cause;
    for (const job of this.jobs) {
      if (index !== null && job.index !== index) continue;
      if (job.ending !== undefined) continue;
      if (index !== null) job.isCancelRequested = true;
      if (this.leaseOf(job) === undefined) this.#end(job, "bad", "cancelled");
    }
  }

  /** Nothing of it counts any more. */
  #onAborted(nowMs: number): void {
    this.isAborted = true;
    for (const job of this.jobs) this.endingOf(job);
    for (const job of this.jobs) {
      if (job.ending === undefined) this.#end(job, "bad", "cancelled");
      const lease = this.leaseOf(job);
      if (lease === undefined) continue;
      lease.isOver = true;
      lease.endedMs = nowMs;
    }
  }

  #onPrioritised({ at, job: index, priority }: RecordOf<"prioritised">): void {
    const job = index === null ? undefined : this.jobs[index];
    const held = this.#impatient.filter((known) => this.#isHeld(known));
    if (index === null) this.#priority = priority;
    if (job !== undefined) job.priority = priority;
    if (priority === 0 && index === null) this.wasHeld = true;
    if (priority === 0 && job !== undefined) job.wasHeld = true;
    // Only now it waits.
    for (const known of held) {
      const isWaiting = known.readyAt !== null && this.leaseOf(known) === undefined;
      if (isWaiting && !this.#isHeld(known)) known.readyAt = Math.max(known.readyAt ?? 0, at);
    }
  }

  #onEnded(record: RecordOf<"ended">, complain: Complain): void {
    const open = this.jobs.filter((job) => this.endingOf(job) === undefined);
    if (open.length > 0)
      complain("endIsFinal", `it ends before ${open.map((job) => job.spec.name).join(", ")}`);
    const status = this.#expectedStatus();
    if (!status.includes(record.status))
      complain("rightStatus", `it ended ${record.status}, expected ${status}`);
    for (const phase of ["succeeded", "failed"] as const) {
      const expected = this.jobs.filter((job) => job.phase === phase).length;
      const told = record.summary.counts[phase];
      if (told !== expected)
        complain("rightStatus", `it ended with ${told} jobs ${phase}, expected ${expected}`);
    }
  }

  #expectedStatus(): readonly string[] {
    if (this.isAborted) return ["infrastructure"];
    if (this.isCancelRequested) return [this.cancelCause === "request" ? "cancelled" : "failed"];
    const endings = this.jobs.map((job) => job.ending);
    if (endings.includes("mixed")) return ["failed", "succeeded"];
    return endings.includes("bad") ? ["failed"] : ["succeeded"];
  }

  #end(job: JobModel, ending: Ending, phase: JobModel["phase"]): void {
    job.ending = ending;
    job.phase = phase;
  }
}
