/** Judges each stored journal entry: what it decides must follow from what was stored before, and from what hosts did. */
import type { Exit } from "../../../agent/runners/runner.ts";
import type { RecordOf, RunRecord } from "../../../coordinator/core/record.ts";
import type { StoredRecord } from "../../../coordinator/journal/record-stream.ts";
import type { MessageCodec } from "../../../shared/actor/message-codec.ts";
import type { JobSpec } from "../../../shared/model/job-spec.ts";
import type { Capacity, ReportItem } from "../../../shared/model/messages.ts";
import type { AttemptResult, Outcome } from "../../../shared/model/outcome.ts";
import type { AttemptEnd } from "../simulated-host.ts";
import { judgeCarried } from "./carry-judge.ts";
import { acceptedDigest, type Complain, inputJobs, type JobModel } from "./job-model.ts";
import { ReuseJudge } from "./reuse-judge.ts";
import { RoomJudge } from "./room-judge.ts";
import { RunModel } from "./run-model.ts";
import type { Troubles } from "./troubles.ts";

export interface JournalJudgeOptions {
  readonly codec: MessageCodec;
  readonly monotonicMs: () => number;
  readonly truthOf: (key: string) => AttemptEnd | undefined;
  /** The jobs of a graph that is stored under its digest. */
  readonly graphOf: (digest: string) => readonly JobSpec[] | undefined;
  readonly capacityOf: (agent: string) => Capacity | undefined;
  /** Whether an artifact is damaged or gone. */
  readonly isSpoiled: (digest: string) => boolean;
  /** Whether it is gone, and has been for a while. */
  readonly isGone: (digest: string) => boolean;
  readonly troubles: Troubles;
  readonly complain: Complain;
  readonly identityOf: (agent: string) => string;
  readonly count: (what: string) => void;
  /** Nothing has been wrong for a while: every agent is there. */
  readonly isSettled: () => boolean;
  /** An actor has failed by what was done to it: its run may be given up. */
  readonly mayAbort: () => boolean;
  /** Told of every record. */
  readonly onRecord: (run: string, epoch: number, record: RunRecord) => void;
}

/** An agent that is silent for 15 s is lost; what happened shortly before may be the cause. */
const EXCUSE_MS = 25_000;
/** Within this time after its limit a job that waits fails. */
const LATE_MS = 5_000;
/** Why an attempt that may have run counts for nothing. */
const HELD = "ended before it had finished";

export class JournalJudge {
  readonly runs = new Map<string, RunModel>();
  /** Every lease that the journal holds, with its run. */
  readonly leases = new Map<string, { readonly run: RunModel; readonly job: JobModel }>();
  readonly #epochs = new Map<string, number>();
  /** Runs of which nothing is left. */
  readonly #forgotten = new Set<string>();
  /** Names of runs that were given up, whatever became of them since. */
  readonly #condemned = new Set<string>();
  /** The term that was claimed last. */
  #leadingEpoch = 0;
  readonly #options: JournalJudgeOptions;
  #room: RoomJudge;
  #reuse: ReuseJudge;
  #isRewinding = false;

  constructor(options: JournalJudgeOptions) {
    this.#options = options;
    this.#room = new RoomJudge(options);
    this.#reuse = this.#newReuseJudge();
  }

  #newReuseJudge(): ReuseJudge {
    const { identityOf, isGone, mayAbort: mayForget, complain, count } = this.#options;
    return new ReuseJudge({ identityOf, isGone, mayForget, complain, count });
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

  /** Nobody waits for it any more. */
  isOver(run: string): boolean {
    return this.#forgotten.has(run) || this.runs.get(run)?.ended !== undefined;
  }

  /** Nothing of a run is left. */
  onForgotten(run: string): void {
    this.#forgotten.add(run);
    this.#epochs.delete(run);
  }

  /** Only these are left of what was stored. */
  rewind(kept: readonly StoredRecord[]): void {
    this.runs.clear();
    this.leases.clear();
    this.#epochs.clear();
    this.#room = new RoomJudge(this.#options);
    this.#reuse = this.#newReuseJudge();
    this.#isRewinding = true;
    for (const record of kept) this.onStored(record);
    this.#isRewinding = false;
  }

  /** Whether a run of that name was ever given up. */
  wasCondemned(run: string): boolean {
    return this.#condemned.has(run);
  }

  /** A leader begins. */
  onClaimed(epoch: number): void {
    this.#leadingEpoch = epoch;
    this.#room.onClaimed();
  }

  onStored({ subject, epoch, payload }: StoredRecord): void {
    const { codec, complain } = this.#options;
    const run = subject.slice(subject.lastIndexOf(".") + 1);
    const before = this.#epochs.get(run) ?? 0;
    // Nobody who reads the journal takes it in.
    if (epoch < before)
      return complain("epochsRise", `${run} is written to in epoch ${epoch} after ${before}`);
    this.#epochs.set(run, epoch);
    const records = codec.decode(payload) as RunRecord[];
    const [first] = records;
    // Who gives a run up does not take it over.
    const isGivenUp = first?.type === "ended" && first.removed === true;
    if (before > 0 && epoch > before && first?.type !== "claimed" && !isGivenUp) {
      complain("claimFirst", `${run} is written to in epoch ${epoch} without a claim`);
    }
    for (const record of records) this.#onRecord(run, epoch, record);
  }

  #onRecord(run: string, epoch: number, record: RunRecord): void {
    const { complain, monotonicMs, onRecord } = this.#options;
    if (!this.#isRewinding) onRecord(run, epoch, record);
    const model = this.runs.get(run);
    if (record.type === "submitted") {
      if (model?.isCondemned === false) return complain("submittedOnce", `${run} is submitted again`);
      return this.#onSubmitted(run, record, epoch);
    }
    if (model === undefined) return complain("submittedOnce", `${run} has no submission`);
    if (record.type === "finished") this.#judgeResult(model, record.job, record.result);
    if (record.type === "returned") this.#judgeReturn(model, record);
    if (record.type === "failedUnassigned") this.#judgeUnassigned(model, record);
    if (record.type === "aborted" && !this.#options.mayAbort())
      complain("noDefect", `${run}: ${record.reason}`);
    this.#reuse.onRecord(model, record);
    if (record.type === "ended" && record.removed === true) this.#condemned.add(run);
    if (epoch >= this.#leadingEpoch) model.isStray = false;
    model.take(record, monotonicMs(), (promise, what) => complain(promise, `${run}: ${what}`));
    if (record.type !== "assigned") return;
    if (this.leases.has(record.lease)) complain("leaseOnce", `the lease ${record.lease} is given twice`);
    this.leases.set(record.lease, { run: model, job: model.jobs[record.job] as JobModel });
    this.#judgePatience(model, record);
    this.#room.onAssigned(model, model.jobs[record.job] as JobModel, record.agent);
  }

  #onSubmitted(run: string, record: RecordOf<"submitted">, epoch: number): void {
    const { complain, graphOf } = this.#options;
    const { graph, retry } = record;
    const jobs = "inline" in graph ? graph.inline.jobs : graphOf(graph.digest);
    if (jobs === undefined) return complain("keepsNeeded", `the graph of ${run} is not there`);
    const begun = new RunModel(run, jobs, record);
    begun.isStray = epoch < this.#leadingEpoch;
    this.runs.set(run, begun);
    this.#forgotten.delete(run);
    if (retry !== undefined) judgeCarried(begun, retry, record.at, this.runs, complain);
  }

  /** In peace nothing starts that has waited for longer than it may. */
  #judgePatience(model: RunModel, { at, job: index }: RecordOf<"assigned">): void {
    const job = model.jobs[index];
    const limitMs = job?.spec.timeouts.queueMs;
    if (limitMs === undefined || !this.#options.isSettled() || typeof job?.readyAt !== "number") return;
    const waitedMs = at - job.readyAt;
    if (waitedMs < limitMs + LATE_MS) return;
    this.#options.complain(
      "queueLimit",
      `${model.run}: ${job.spec.name} starts after ${waitedMs} of ${limitMs} ms`,
    );
  }

  /** An agent has said what became of attempts. */
  onReported(agent: string, items: readonly ReportItem[]): void {
    this.#room.onReported(agent, items);
    for (const { kind, lease, attempt } of items) {
      const known = this.leases.get(lease)?.job.leases[attempt - 1];
      if (kind !== "started" && kind !== "progress" && known?.lease === lease) known.isReported = true;
    }
  }

  /** It fails for want of an agent only if none has what it asks for. */
  #judgeUnassigned(model: RunModel, { job: index, outcome }: RecordOf<"failedUnassigned">): void {
    const job = model.jobs[index];
    if (job === undefined || outcome.kind !== "failed" || !this.#options.isSettled()) return;
    if (job.spec.labels.length === 0) {
      this.#options.complain(
        "schedulable",
        `${model.run}: ${job.spec.name} fails though any agent can run it`,
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
    truth: AttemptEnd | undefined,
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
    const { isSpoiled } = this.#options;
    const { sources } = job.spec;
    if (sources !== undefined && isSpoiled(sources)) return true;
    return [...inputJobs(job)].some((need) => {
      const digest = acceptedDigest(need);
      return digest !== undefined && isSpoiled(digest);
    });
  }

  #timeoutProblem(
    job: JobModel,
    outcome: Extract<Outcome, { kind: "timeout" }>,
    truth: AttemptEnd | undefined,
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
