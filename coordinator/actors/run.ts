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
import { asMillraceError, MillraceError, reasonOf } from "../../shared/model/error.ts";
import type { RunEvent } from "../../shared/model/event.ts";
import type { Order, ReportItem } from "../../shared/model/messages.ts";
import { ClockWatch } from "../core/clock-watch.ts";
import { GroupCommit } from "../core/group-commit.ts";
import { reconcileLeases } from "../core/lease-reconciliation.ts";
import type { RunRecord } from "../core/record.ts";
import { requirementOf } from "../core/requirement.ts";
import * as decide from "../core/run-decide.ts";
import { fold } from "../core/run-fold.ts";
import { liveAttempt, type RunState, specAt } from "../core/run-state.ts";
import { viewRun } from "../core/run-view.ts";
import type { AppendResult } from "../journal/journal.ts";
import { readDependency } from "./dependency-message.ts";
import type { Command, Reply, RunMessage } from "./messages.ts";
import { answerQuery, refuseUnknownJob } from "./query.ts";
import { type Consequence, Consequences, consequencesOf } from "./run-consequences.ts";
import { RunEvents } from "./run-events.ts";
import { RunJobs } from "./run-jobs.ts";
import { type OpenedRun, openRun } from "./run-recovery.ts";
import { RunSnapshots } from "./run-snapshots.ts";
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
  readonly clock: ClockWatch;
  readonly snapshots: RunSnapshots;
}

export class RunActor implements Behaviour<RunMessage> {
  readonly #surroundings: RunSurroundings;
  readonly #origin: RunOrigin;
  #opened: OpenedRun | undefined;
  #living: Living | undefined;
  /** Set for a run that can't be read: its journal stays as it is, for a coordinator that can. */
  #refusal: Reply | undefined;
  /** Messages that came before the run was loaded. */
  #early: RunMessage[] = [];

  constructor(surroundings: RunSurroundings, origin: RunOrigin) {
    this.#surroundings = surroundings;
    this.#origin = origin;
  }

  started(context: Context<RunMessage>): void {
    const { subjects, run } = this.#surroundings;
    context.subscribe(subjects.dependencyAll(run), (payload, subject) => {
      const result = readDependency(run, payload, subject);
      if (result === undefined) context.deadLetter("dependency", subject, payload);
      return result === undefined ? undefined : { kind: "dependency", result };
    });
    context.onTransport((status) => ({ kind: "transport", status }));
    context.every(RECHECK_MS, { kind: "recheck" });
    context.pipe(
      openRun(this.#surroundings, this.#origin, context).then((opened) => {
        this.#opened = opened;
      }),
      () => ({ kind: "loaded" }),
      (error) => {
        const { code, message, fix } = asMillraceError(error, "the run could not be loaded");
        return { kind: "loadFailed", code, reason: message, fix };
      },
    );
  }

  receive(message: RunMessage, context: Context<RunMessage>): void | Promise<void> {
    if (message.kind === "loaded") return this.#onLoaded(context);
    if (message.kind === "loadFailed") return this.#onLoadFailed(message, context);
    if (message.kind === "close") return context.stop();
    if (this.#refusal !== undefined) return refuse(message, this.#refusal);
    const living = this.#living;
    if (living === undefined) {
      if (message.kind !== "recheck") this.#early.push(message);
      return;
    }
    if (message.kind === "snapshotDue") return living.snapshots.take();
    this.#onMessage(message, living, context);
  }

  #onLoaded(context: Context<RunMessage>): void {
    const opened = this.#opened;
    if (opened === undefined) throw new MillraceError("internal", "loaded without a state");
    this.#opened = undefined;
    if (opened.kind === "deposed") return this.#onDeposed(opened.epoch, context);
    const { state, seq, tail } = opened;
    const commit = new GroupCommit<Consequence>({ seq, maxRecords: MAX_RECORDS });
    const events = new RunEvents(state.run, this.#surroundings, context);
    const jobs = new RunJobs(state, this.#surroundings, context);
    const consequences = new Consequences(state, this.#surroundings, { jobs, events }, context);
    const clock = new ClockWatch(context.now(), context.monotonicMs());
    const snapshots = new RunSnapshots(state, this.#surroundings, commit, context, tail);
    this.#living = { state, commit, jobs, events, consequences, clock, snapshots };
    this.#surroundings.states.set(state.run, state);
    // What an actor of this run before it was granted and did not record is free again.
    this.#surroundings.scheduler.tell({ kind: "runClosed", run: state.run });
    announceRun(this.#surroundings, state, context.self);
    if (opened.kind === "new") this.#record(this.#living, [opened.submitted], context);
    else this.#goOn(this.#living, opened.missingEvents, context);
    const early = this.#early;
    this.#early = [];
    for (const message of early) this.#onMessage(message, this.#living, context);
  }

  /** Goes on where an earlier leader, or this actor before it failed, has stopped. */
  #goOn(living: Living, missing: readonly RunEvent[], context: Context<RunMessage>): void {
    const { run, coordinator, views } = this.#surroundings;
    views.set(run, viewRun(living.state));
    living.events.add(missing, { isLive: false });
    coordinator.tell({ kind: "runLoaded", run });
    if (living.state.endedAt !== null) return living.consequences.tellEnd();
    const { abortReason } = this.#origin;
    if (abortReason === undefined) this.#adopt(living, context);
    else this.#record(living, [{ type: "aborted", at: context.now(), reason: abortReason }], context);
    living.jobs.repair();
    this.#recheck(living, 0, context);
  }

  #onLoadFailed(failure: Extract<RunMessage, { kind: "loadFailed" }>, context: Context<RunMessage>): void {
    const { code, reason, fix } = failure;
    const { run, coordinator } = this.#surroundings;
    const reply: Reply = { ok: false, code, message: reason, ...(fix === undefined ? {} : { fix }) };
    const { isStored } = this.#origin;
    if (isStored && code === "unavailable") throw new MillraceError("unavailable", reason);
    this.#refusal = reply;
    for (const message of this.#early.splice(0)) refuse(message, reply);
    if (!isStored) return coordinator.tell({ kind: "runRejected", run, reply });
    context.log.error({ run, reason, fix }, "a run is set aside: it can't be read");
    coordinator.tell({ kind: "runLoaded", run });
  }

  #onMessage(message: RunMessage, living: Living, context: Context<RunMessage>): void {
    const { state } = living;
    const now = context.now();
    // Before anything is judged by it.
    const setByMs = living.clock.onRead(now, context.monotonicMs());
    if (setByMs !== 0) this.#record(living, decide.onClockSet(state, setByMs, now), context);
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
      case "snapshotWritten":
        return living.snapshots.onWritten(message.failure);
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
        return living.consequences.onInputsNotStored(message.agent, message.request, message.reason);
      case "inputsDue":
        return living.consequences.storeInputs(message.agent, message.request);
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
      living.snapshots.onRecord();
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
      (error) => ({ kind: "appendFailed", reason: reasonOf(error) }),
    );
  }

  #onAppended(
    living: Living,
    result: AppendResult,
    view: RunView | undefined,
    context: Context<RunMessage>,
  ): void {
    if (result.kind === "conflict") {
      if (result.epoch > this.#surroundings.epoch) {
        context.log.warn({ epoch: result.epoch }, "an append is refused: a later leader has claimed the run");
        return this.#onDeposed(result.epoch, context);
      }
      // By this actor's predecessor, or an earlier leader to a run that is new here: start again from the journal.
      this.#origin.isStored = true;
      throw new MillraceError("conflict", `run ${living.state.run} was written to by somebody else`);
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
      const decision = decide.onReported(living.state, agent, item, context.now(), context.fraction());
      if (decision.refusal !== undefined) {
        context.deadLetter(decision.refusal, this.#surroundings.subjects.fromAgent(agent, "report"), item);
      }
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
    if (orders.length > 0) living.commit.stage(null, [{ kind: "orders", agent: name, incarnation, orders }]);
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
      fleet.tell({ kind: "leaseAdopted", run: state.run, agent: attempt.agent });
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
    const refusal = refuseUnknownJob(state, command);
    if (refusal !== undefined) return refusal;
    const name = "job" in command.request ? command.request.job : undefined;
    const job = name === undefined ? null : (state.graph.indexOf.get(name) ?? null);
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

/** Commands have their answer; reports go unsettled, so that agents keep them. */
function refuse(message: RunMessage, reply: Reply): void {
  if (message.kind === "command") message.replyTo.tell(reply);
}
