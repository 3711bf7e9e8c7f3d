/** Judges each stored journal entry: what it decides must follow from what was stored before, and from what hosts did. */
import type { Exit } from "../../../agent/runners/runner.ts";
import type { RecordOf, RunRecord } from "../../../coordinator/core/record.ts";
import type { StoredRecord } from "../../../coordinator/journal/record-stream.ts";
import type { MessageCodec } from "../../../shared/actor/message-codec.ts";
import type { Capacity } from "../../../shared/model/messages.ts";
import type { AttemptResult, Outcome } from "../../../shared/model/outcome.ts";
import type { AttemptTruth } from "../simulated-host.ts";
import { type Complain, inputJobs, type JobModel, RunModel } from "./run-model.ts";
import type { Troubles } from "./troubles.ts";

export interface JournalJudgeOptions {
  readonly codec: MessageCodec;
  readonly monotonicMs: () => number;
  readonly truthOf: (key: string) => AttemptTruth | undefined;
  readonly capacityOf: (agent: string) => Capacity | undefined;
  /** Whether an artifact is damaged or gone. */
  readonly isSpoiled: (digest: string) => boolean;
  readonly troubles: Troubles;
  readonly complain: Complain;
  /** Told of every record. */
  readonly onRecord: (run: string, epoch: number, record: RunRecord) => void;
}

/** An agent that is silent for 15 s is lost; what happened shortly before may be the cause. */
const EXCUSE_MS = 25_000;
/** A slot has the job that it runs, and eight more where jobs are short. */
const MOST_JOBS_A_SLOT = 9;
/** Why an attempt that may have run counts for nothing. */
const HELD = "ended before it had finished";

export class JournalJudge {
  readonly runs = new Map<string, RunModel>();
  /** Every lease that the journal holds, with its run. */
  readonly leases = new Map<string, { readonly run: RunModel; readonly job: JobModel }>();
  readonly #epochs = new Map<string, number>();
  readonly #options: JournalJudgeOptions;

  constructor(options: JournalJudgeOptions) {
    this.#options = options;
  }

  /** The term in which a run was last written to. */
  epochOf(run: string): number {
    return this.#epochs.get(run) ?? 0;
  }

  /** When the lease of an attempt ended; undefined while it is in force. */
  overSince({ lease, attempt }: { readonly lease: string; readonly attempt: number }): number | undefined {
    const model = this.leases.get(lease)?.job.leases[attempt - 1];
    return model?.isOver ? model.endedMs : undefined;
  }

  onStored({ subject, epoch, payload }: StoredRecord): void {
    const { codec, complain } = this.#options;
    const run = subject.slice(subject.lastIndexOf(".") + 1);
    const before = this.#epochs.get(run) ?? 0;
    if (epoch < before) complain("epochsRise", `${run} is written to in epoch ${epoch} after ${before}`);
    this.#epochs.set(run, Math.max(epoch, before));
    const records = codec.decode(payload) as RunRecord[];
    if (before > 0 && epoch > before && records[0]?.type !== "claimed") {
      complain("claimFirst", `${run} is written to in epoch ${epoch} without a claim`);
    }
    for (const record of records) this.#onRecord(run, epoch, record);
  }

  #onRecord(run: string, epoch: number, record: RunRecord): void {
    const { complain, monotonicMs, onRecord } = this.#options;
    onRecord(run, epoch, record);
    const model = this.runs.get(run);
    if (record.type === "submitted") {
      if (model !== undefined) return complain("submittedOnce", `${run} is submitted again`);
      if (!("inline" in record.graph)) return complain("known", `${run} has a graph elsewhere`);
      const { jobs } = record.graph.inline;
      this.runs.set(run, new RunModel(run, jobs, record.options.priority, monotonicMs()));
      return;
    }
    if (model === undefined) return complain("submittedOnce", `${run} has no submission`);
    if (record.type === "finished") this.#judgeResult(model, record.job, record.result);
    if (record.type === "returned") this.#judgeReturn(model, record);
    model.take(record, monotonicMs(), (promise, what) => complain(promise, `${run}: ${what}`));
    if (record.type !== "assigned") return;
    if (this.leases.has(record.lease)) complain("leaseOnce", `the lease ${record.lease} is given twice`);
    this.leases.set(record.lease, { run: model, job: model.jobs[record.job] as JobModel });
    this.#judgeRoom(model, record.agent);
  }

  /** What is given to an agent fits on it, what waits there included; other runs may be a record ahead of each other. */
  #judgeRoom(model: RunModel, agent: string): void {
    const capacity = this.#options.capacityOf(agent);
    if (capacity === undefined) return;
    const given = model.jobs.filter((job) => model.leaseOf(job)?.agent === agent);
    const cpu = given.reduce((sum, { spec }) => sum + (spec.resources.cpu ?? 0), 0);
    if (cpu > capacity.cpu || given.length > capacity.slots * MOST_JOBS_A_SLOT) {
      this.#options.complain(
        "room",
        `${model.run}: ${given.length} jobs with ${cpu} CPUs are given to ${agent}`,
      );
    }
  }

  /** What is given back unstarted has not run. */
  #judgeReturn(model: RunModel, { job: index, attempt, reason }: RecordOf<"returned">): void {
    const job = model.jobs[index];
    const lease = job === undefined ? undefined : model.leaseOf(job);
    if (job === undefined || lease === undefined || reason === HELD) return;
    const truth = this.#options.truthOf(`${model.run}/${index}/${attempt}/${lease.lease}`);
    if (truth === undefined) return;
    this.#options.complain(
      "trueResult",
      `${model.run}: attempt ${attempt} of ${job.spec.name} is given back (${reason}), but it has run`,
    );
  }

  /** What is accepted is what the attempt in force has really done, on its host. */
  #judgeResult(model: RunModel, index: number, result: AttemptResult): void {
    const job = model.jobs[index];
    const lease = job === undefined ? undefined : model.leaseOf(job);
    if (job === undefined || lease === undefined) return;
    const key = `${model.run}/${index}/${lease.attempt}/${lease.lease}`;
    const truth = this.#options.truthOf(key);
    const problem = this.#problemOf(model, job, result.outcome, truth);
    const what = `${model.run}: attempt ${lease.attempt} of ${job.spec.name}`;
    if (problem !== undefined) {
      this.#options.complain(
        "trueResult",
        `${what} is accepted as ${JSON.stringify(result.outcome)}, but ${problem}`,
      );
    }
    const digest = result.artifact?.digest;
    const expected =
      result.outcome.kind === "succeeded" && job.spec.outputs.length > 0 ? truth?.digest : undefined;
    if (digest !== expected) {
      this.#options.complain(
        "trueResult",
        `${what} is accepted with the artifact ${digest} instead of ${expected}`,
      );
    }
  }

  #problemOf(
    model: RunModel,
    job: JobModel,
    outcome: Outcome,
    truth: AttemptTruth | undefined,
  ): string | undefined {
    const exit = truth?.exit;
    switch (outcome.kind) {
      case "succeeded":
        return exit?.kind === "exited" && exit.exitCode === 0 ? undefined : "it did not succeed";
      case "failed":
        if (outcome.reason === "inputs") {
          return this.#lacksInput(job) ? undefined : "it could have all its inputs";
        }
        return exit !== undefined && isOwnFailure(exit, outcome) ? undefined : "it did not fail like that";
      case "outOfMemory":
        return exit?.kind === "outOfMemory" ? undefined : "it had memory enough";
      case "timeout":
        return this.#timeoutProblem(job, outcome, truth);
      case "cancelled":
        return model.isCancelRequested || job.isCancelRequested ? undefined : "nobody asked for that";
      case "lost": {
        const lease = model.leaseOf(job);
        if (exit?.kind === "unknown" || lease === undefined) return undefined;
        const sinceMs = Math.min(lease.assignedMs, this.#options.monotonicMs() - EXCUSE_MS);
        return this.#options.troubles.hadSince(lease.agent, sinceMs)
          ? undefined
          : "nothing was wrong with its agent";
      }
    }
  }

  #lacksInput(job: JobModel): boolean {
    return [...inputJobs(job)].some((need) => {
      const digest = need.leases.at(-1)?.result?.artifact?.digest;
      return digest !== undefined && this.#options.isSpoiled(digest);
    });
  }

  #timeoutProblem(
    job: JobModel,
    outcome: Extract<Outcome, { kind: "timeout" }>,
    truth: AttemptTruth | undefined,
  ): string | undefined {
    const { runMs, noOutputMs } = job.spec.timeouts;
    const limitMs = outcome.limit === "run" ? runMs : noOutputMs;
    if (limitMs !== outcome.limitMs) return "it has no such limit";
    if (truth === undefined) return "it never ran";
    const ranMs = (truth.endedMs ?? this.#options.monotonicMs()) - truth.startedMs;
    return ranMs >= limitMs ? undefined : `it ran for ${ranMs} ms only`;
  }
}

/** TERM and KILL are the agent's doing, and no failure of the job. */
function isOwnFailure(exit: Exit, outcome: Extract<Outcome, { kind: "failed" }>): boolean {
  if (exit.kind === "exited") return outcome.reason === "exit" && exit.exitCode === outcome.exitCode;
  if (exit.kind !== "signalled" || exit.signal === "SIGTERM" || exit.signal === "SIGKILL") return false;
  return outcome.reason === "signal" && exit.signal === outcome.signal;
}
