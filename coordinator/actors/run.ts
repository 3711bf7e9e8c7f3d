/**
 * The run actor: one run, from its journal. Messages become decisions (`core/run-decide.ts`), decisions records,
 * records are folded and appended in groups, and only what a stored record entails leaves: events, orders, replies,
 * dependency results (`run-consequences.ts`).
 *
 * Safe: 1. the state changes by folding alone; 2. nothing leaves before its record is stored (`core/group-commit.ts`);
 * 3. a conflict with a higher epoch ends everything at once. Live: 4. ready jobs that nobody asked a slot for, and
 * results that were lost on the way, are told again at recovery, at reconnect and by a slow re-check.
 */
import type { ActorRef, Behaviour, Context } from "../../shared/actor/contract.ts";
import type { RunView } from "../../shared/model/api.ts";
import { asMillraceError, MillraceError } from "../../shared/model/error.ts";
import type { Order, ReportItem } from "../../shared/model/messages.ts";
import { projectEvents } from "../core/event-projection.ts";
import { GroupCommit } from "../core/group-commit.ts";
import { reconcileLeases } from "../core/lease-reconciliation.ts";
import type { RunRecord } from "../core/record.ts";
import { requirementOf } from "../core/requirement.ts";
import * as decide from "../core/run-decide.ts";
import { type Change, fold } from "../core/run-fold.ts";
import { liveAttempt, newRunState, type RunState, specAt } from "../core/run-state.ts";
import { viewRun } from "../core/run-view.ts";
import type { AppendResult } from "../journal/journal.ts";
import { type LoadedRun, loadRun, openGraph } from "../journal/run-loader.ts";
import type { Command, Reply, RunMessage } from "./messages.ts";
import { answerQuery } from "./query.ts";
import { type Consequence, Consequences } from "./run-consequences.ts";
import { RunEvents } from "./run-events.ts";
import { RunJobs } from "./run-jobs.ts";
import { announceRun, type RunOrigin, type RunSurroundings } from "./run-surroundings.ts";

const MAX_RECORDS = 1000;
const MAX_APPEND_BYTES = 512 * 1024;
const RECHECK_MS = 1000;
/** A ready job whose results should have arrived by now, were they not lost. */
const OVERDUE_MS = 2000;

/** What a run actor has once its run is loaded. */
interface Living {
  readonly state: RunState;
  readonly commit: GroupCommit<Consequence>;
  readonly jobs: RunJobs;
  readonly events: RunEvents;
  readonly consequences: Consequences;
}

export class RunActor implements Behaviour<RunMessage> {
  readonly #surroundings: RunSurroundings;
  readonly #origin: RunOrigin;
  #loaded: Pick<LoadedRun, "state" | "seq" | "epoch" | "missingEvents"> | undefined;
  #living: Living | undefined;
  /** Messages that came before the run was loaded. */
  #early: RunMessage[] = [];

  constructor(surroundings: RunSurroundings, origin: RunOrigin) {
    this.#surroundings = surroundings;
    this.#origin = origin;
  }

  started(context: Context<RunMessage>): void {
    context.subscribe(this.#surroundings.subjects.dependencyAll(this.#surroundings.run), (payload) =>
      RunJobs.parseDependency(payload, this.#surroundings),
    );
    context.onTransport((status) => ({ kind: "transport", status }));
    context.every(RECHECK_MS, { kind: "recheck" });
    context.pipe(
      this.#load(),
      () => ({ kind: "loaded" }),
      (error) => {
        const { code, message } = asMillraceError(error, "the run could not be loaded");
        return { kind: "loadFailed", code, reason: message };
      },
    );
  }

  receive(message: RunMessage, context: Context<RunMessage>): void {
    if (message.kind === "loaded") return this.#onLoaded(context);
    if (message.kind === "loadFailed") return this.#onLoadFailed(message.code, message.reason);
    const living = this.#living;
    if (living === undefined) {
      if (message.kind !== "recheck") this.#early.push(message);
      return;
    }
    this.#onMessage(message, living, context);
  }

  async #load(): Promise<void> {
    const { run, journal, eventLog, codec, readGraph } = this.#surroundings;
    if (this.#origin.isStored) {
      const loaded = await loadRun(run, { journal, eventLog, codec, readGraph });
      this.#surroundings.counters.count("journal.staleEpoch", loaded.refused);
      this.#loaded = loaded;
      return;
    }
    const { submission } = this.#origin;
    if (submission === undefined) throw new MillraceError("internal", "a new run without a submission");
    const { spec, graph } = await openGraph(submission.graph, readGraph);
    const name = spec.name ?? null;
    const state = newRunState(run, spec, graph, { name, options: submission.options, at: submission.at });
    this.#loaded = { state, seq: 0, epoch: 0, missingEvents: [] };
  }

  #onLoaded(context: Context<RunMessage>): void {
    if (this.#loaded === undefined) throw new MillraceError("internal", "loaded without a state");
    const { state, seq, epoch, missingEvents } = this.#loaded;
    this.#loaded = undefined;
    // Its next append would fit the sequence: only the epoch tells that somebody else leads.
    if (epoch > this.#surroundings.epoch) return this.#onDeposed(epoch, context);
    const commit = new GroupCommit<Consequence>({ seq, maxRecords: MAX_RECORDS });
    const events = new RunEvents(state.run, this.#surroundings, context);
    const jobs = new RunJobs(state, this.#surroundings, context);
    const consequences = new Consequences(state, this.#surroundings, { jobs, events }, context);
    this.#living = { state, commit, jobs, events, consequences };
    this.#surroundings.states.set(state.run, state);
    if (this.#origin.isStored) this.#surroundings.views.set(state.run, viewRun(state));
    announceRun(this.#surroundings, state, context.self);
    if (this.#origin.isStored) this.#takeOver(this.#living, missingEvents, context);
    else this.#open(this.#living, context);
    const early = this.#early;
    this.#early = [];
    for (const message of early) this.#onMessage(message, this.#living, context);
  }

  /** The first record of a new run. */
  #open(living: Living, context: Context<RunMessage>): void {
    const { submission } = this.#origin;
    if (submission === undefined) return;
    const { graph, options, at } = submission;
    const { name, jobs } = living.state;
    this.#record(living, [{ type: "submitted", at, name, graph, jobs: jobs.length, options }], context);
  }

  /** Goes on where an earlier leader, or this actor before it failed, has stopped. */
  #takeOver(living: Living, missing: LoadedRun["missingEvents"], context: Context<RunMessage>): void {
    const { run, coordinator } = this.#surroundings;
    living.events.add(missing, { isLive: false });
    coordinator.tell({ kind: "runLoaded", run });
    if (living.state.endedAt !== null) return living.consequences.tellEnd();
    const at = context.now();
    const records: RunRecord[] = [{ type: "claimed", at }];
    if (this.#origin.abortReason !== undefined) {
      records.push({ type: "aborted", at, reason: this.#origin.abortReason });
    } else this.#adopt(living, context);
    this.#record(living, records, context);
    living.jobs.repair();
    this.#recheck(living, 0, context);
  }

  #onLoadFailed(code: string, reason: string): void {
    if (this.#origin.isStored) throw new MillraceError("internal", reason);
    const reply: Reply = { ok: false, code, message: reason };
    this.#surroundings.coordinator.tell({ kind: "runRejected", run: this.#surroundings.run, reply });
  }

  #onMessage(message: RunMessage, living: Living, context: Context<RunMessage>): void {
    const { state } = living;
    const now = context.now();
    switch (message.kind) {
      case "granted": {
        const records = message.grants.flatMap((grant) => {
          const { job, agent, incarnation } = grant;
          const taken = decide.onGranted(state, { job, agent, incarnation, lease: context.id() }, now);
          if (taken.length === 0) living.jobs.onGrantRefused(job);
          return taken;
        });
        return this.#record(living, records, context);
      }
      case "recalled":
        return this.#recall(living, message.recalls);
      case "stranded":
        return this.#record(
          living,
          message.jobs.flatMap((job) => decide.onStranded(state, job, message.reason, now)),
          context,
        );
      case "reported":
        return this.#onReported(living, message.agent, message.items, context);
      case "agentResynced":
        return this.#onAgentResynced(living, message, context);
      case "agentGone":
        return this.#loseAttempts(living, message.agent, message.reason, context);
      case "appended":
        return this.#onAppended(living, message.result, message.view, context);
      case "appendFailed":
        throw new MillraceError("unavailable", `the journal refused an append: ${message.reason}`);
      case "eventsStored":
        living.events.onStored();
        return living.consequences.tellEnd();
      case "eventsFailed":
        throw new MillraceError("unavailable", `events could not be stored: ${message.reason}`);
      case "dependency":
        return living.jobs.onDependency(message.result);
      case "carryOn":
        return living.consequences.carryOn();
      case "inputsStored":
        return living.consequences.onInputsStored(message.agent, message.request);
      case "inputsNotStored":
        throw new MillraceError("unavailable", `a list of inputs could not be stored: ${message.reason}`);
      case "recheck":
        return this.#recheck(living, OVERDUE_MS, context);
      case "transport":
        if (message.status === "connected") {
          living.jobs.repair();
          this.#recheck(living, 0, context);
        }
        return;
      case "schedulerStarted":
        living.jobs.forgetRequests();
        this.#adopt(living, context);
        return this.#recheck(living, 0, context);
      case "fleetStarted":
        return this.#adopt(living, context);
      case "command":
        return this.#onCommand(living, message.command, message.replyTo, context);
    }
  }

  /** Takes the records and what follows from them, and appends them when no append is in flight. */
  #record(living: Living, records: readonly RunRecord[], context: Context<RunMessage>): void {
    // A record may entail others (fail fast, the end): take them too, until nothing follows.
    for (let next = records; next.length > 0; next = decide.onSettled(living.state, context.now())) {
      this.#stage(living, next);
    }
    this.#commit(living, context);
  }

  #stage(living: Living, records: readonly RunRecord[]): void {
    for (const record of records) {
      const changes = fold(living.state, record);
      living.jobs.onFolded(changes);
      living.commit.stage(record, consequencesOf(living.state, changes, record.at));
    }
  }

  #commit(living: Living, context: Context<RunMessage>): void {
    living.consequences.carryOut(living.commit.takeFree());
    let batch = living.commit.take();
    if (batch === undefined) return;
    const { run, epoch, journal, codec } = this.#surroundings;
    let payload = codec.encode(batch.records);
    while (payload.length > MAX_APPEND_BYTES) {
      const half = living.commit.halve();
      if (half === undefined) break;
      batch = half;
      payload = codec.encode(batch.records);
    }
    const append = { run, epoch, batch: context.id(), expectedSeq: batch.expectedSeq, payload };
    // What listings may show once this is stored; not while more is staged than the batch took.
    const view = living.commit.hasStaged ? undefined : viewRun(living.state);
    context.pipe(
      journal.append(append),
      (result) => ({ kind: "appended", result, view }),
      (error) => ({ kind: "appendFailed", reason: error instanceof Error ? error.message : String(error) }),
    );
  }

  #onAppended(
    living: Living,
    result: AppendResult,
    view: RunView | undefined,
    context: Context<RunMessage>,
  ): void {
    if (result.kind === "conflict") {
      if (result.epoch > this.#surroundings.epoch) return this.#onDeposed(result.epoch, context);
      // An append of this actor's predecessor landed late: start again from the journal.
      throw new MillraceError(
        "conflict",
        `run ${living.state.run} was written to by another actor of this epoch`,
      );
    }
    this.#origin.isStored = true;
    if (view !== undefined) this.#surroundings.views.set(view.run, view);
    living.consequences.carryOut(living.commit.onStored(result.seq));
    this.#commit(living, context);
  }

  /** Another coordinator leads: whatever this one has staged was never decided. */
  #onDeposed(epoch: number, context: Context<RunMessage>): void {
    this.#surroundings.coordinator.tell({ kind: "deposed", epoch });
    context.stop();
  }

  #onReported(
    living: Living,
    agent: string,
    items: readonly ReportItem[],
    context: Context<RunMessage>,
  ): void {
    const settled: Order[] = [];
    for (const item of items) {
      const decision = decide.onReported(living.state, item, context.now(), context.fraction());
      if (decision.refusal !== undefined) this.#surroundings.counters.count(`refused.${decision.refusal}`);
      // At once: a later item of the same report may depend on it.
      this.#stage(living, decision.records);
      const { run, job, attempt, lease } = item;
      if (decision.settles) settled.push({ kind: "settle", run, job, attempt, lease });
    }
    if (settled.length > 0) living.commit.stage(null, [{ kind: "orders", agent, orders: settled }]);
    this.#record(living, decide.onSettled(living.state, context.now()), context);
  }

  #onAgentResynced(
    living: Living,
    message: Extract<RunMessage, { kind: "agentResynced" }>,
    context: Context<RunMessage>,
  ): void {
    const { agent: name, incarnation, held } = message;
    const agent = { name, incarnation, held };
    const { records, orders } = reconcileLeases(living.state, agent, context.now(), context.fraction());
    // After what is staged: a start order must not overtake the record of its lease.
    if (orders.length > 0) living.commit.stage(null, [{ kind: "orders", agent: name, orders }]);
    this.#record(living, records, context);
  }

  #loseAttempts(living: Living, agent: string, reason: string, context: Context<RunMessage>): void {
    const records = living.state.jobs.flatMap((job, index) =>
      liveAttempt(job)?.agent === agent
        ? decide.onAttemptLost(living.state, index, reason, context.now(), context.fraction())
        : [],
    );
    this.#record(living, records, context);
  }

  #recall(living: Living, recalls: readonly { job: number; agent: string }[]): void {
    for (const { agent, order } of decide.onRecalled(living.state, recalls)) {
      living.commit.stage(null, [{ kind: "orders", agent, orders: [order] }]);
    }
    living.consequences.carryOut(living.commit.takeFree());
  }

  /** Tells scheduler and fleet of the leases in force; both take them only once. */
  #adopt(living: Living, context: Context<RunMessage>): void {
    const { state } = living;
    const { scheduler, fleet } = this.#surroundings;
    announceRun(this.#surroundings, state, context.self);
    state.jobs.forEach((job, index) => {
      const attempt = liveAttempt(job);
      if (attempt === undefined) return;
      const requirement = requirementOf(specAt(state, index), state.options.pool);
      scheduler.tell({ kind: "adopt", run: state.run, job: index, agent: attempt.agent, requirement });
      fleet.tell({ kind: "leaseAdopted", agent: attempt.agent });
    });
  }

  #recheck(living: Living, overdueMs: number, context: Context<RunMessage>): void {
    const { state, jobs } = living;
    if (state.endedAt !== null) return;
    const now = context.now();
    const { records, recalls } = decide.onQueueCheck(state, jobs.withQueueTimeout, now);
    if (records.length > 0) this.#record(living, records, context);
    this.#recall(living, recalls);
    // What is still to be carried out is not overdue.
    if (living.consequences.isIdle) jobs.recheck(now - overdueMs);
  }

  /** A reply shows the state, so it leaves only when all records folded into that state are stored. */
  #onCommand(living: Living, command: Command, replyTo: ActorRef<Reply>, context: Context<RunMessage>): void {
    const reply = this.#answer(living, command, context);
    living.commit.stage(null, [{ kind: "reply", replyTo, reply }]);
    this.#commit(living, context);
  }

  #answer(living: Living, command: Command, context: Context<RunMessage>): Reply {
    const { state } = living;
    const { request } = command;
    const name = "job" in request ? request.job : undefined;
    const job = name === undefined ? null : state.graph.indexOf.get(name);
    if (job === undefined) {
      return { ok: false, code: "notFound", message: `run ${state.run} has no job ${JSON.stringify(name)}` };
    }
    switch (command.verb) {
      case "cancel": {
        const { by, reason } = command.request;
        const records = decide.onCancelRequested(state, { job, by, reason }, context.now());
        this.#record(living, records, context);
        return { ok: true, result: { cancelled: records.length > 0, status: state.status } };
      }
      case "priority": {
        const { priority } = command.request;
        this.#record(living, decide.onPriorityRequested(state, { job, priority }, context.now()), context);
        return { ok: true, result: { priority } };
      }
      default:
        return answerQuery(state, command, this.#surroundings.schedule.current, context.now());
    }
  }
}

/** What has to happen once a record is stored. */
function consequencesOf(state: RunState, changes: readonly Change[], at: number): Consequence[] {
  if (changes.length === 0) return [];
  const events = projectEvents(state, changes, at);
  return [{ kind: "events", events }, ...changes.map((change) => ({ kind: "change" as const, change }))];
}
