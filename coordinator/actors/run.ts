/**
 * The run actor: one run, from its journal. Messages become decisions (`core/run-decide.ts`), decisions records,
 * records are folded and appended in groups, and only what a stored record entails leaves: events, orders, replies,
 * dependency results.
 *
 *   opening ──loaded and claimed──▶ living ──its end and all events are stored──▶ (closed by the coordinator)
 *      │                             │  ▲
 *      └──can't be read──▶ set aside └──┘ waiting: its journal does not answer
 *
 * Safe: 1. the state changes by folding alone, and nothing leaves before its record is stored (`run-writer.ts`); 2. a
 * conflict with a higher epoch ends everything at once. Live: 3. ready jobs that nobody asked a slot for, and results that
 * were lost on the way, are told again at recovery, at reconnect and by a slow re-check; 4. stores that are away are waited
 * for, however long (`run-patience.ts`): only defects use up the actor's restarts.
 */
import type { Behaviour, Context } from "../../shared/actor/contract.ts";
import { type ErrorCode, MillraceError } from "../../shared/model/error.ts";
import type { RunEvent } from "../../shared/model/event.ts";
import { ClockWatch } from "../core/clock-watch.ts";
import * as decide from "../core/run-decide.ts";
import type { RunState } from "../core/run-state.ts";
import { viewRun } from "../core/run-view.ts";
import { readDependency } from "./dependency-message.ts";
import type { Reply, RunMessage, StoreWait } from "./messages.ts";
import { RunCommands, waitingRefusal } from "./run-commands.ts";
import { Consequences } from "./run-consequences.ts";
import { RunEvents } from "./run-events.ts";
import { RunForecast } from "./run-forecast.ts";
import { RunJobs } from "./run-jobs.ts";
import { RunLeases } from "./run-leases.ts";
import { RunMail } from "./run-mail.ts";
import { RunPatience, type StoreFailure } from "./run-patience.ts";
import { type OpenedRun, openRun } from "./run-recovery.ts";
import { RunReuse } from "./run-reuse.ts";
import { announceRun, type RunOrigin, type RunSurroundings } from "./run-surroundings.ts";
import { RunWriter } from "./run-writer.ts";

const OPENING = "the reading of its journal";
const RECHECK_MS = 1000;
/** A ready job whose results should have arrived by now, were they not lost. */
const OVERDUE_MS = 2000;

/** What a run actor has once its run is loaded. */
interface Living {
  readonly state: RunState;
  readonly writer: RunWriter;
  readonly jobs: RunJobs;
  readonly events: RunEvents;
  readonly forecast: RunForecast;
  readonly reuse: RunReuse;
  readonly consequences: Consequences;
  readonly leases: RunLeases;
  readonly commands: RunCommands;
  readonly clock: ClockWatch;
}

export class RunActor implements Behaviour<RunMessage> {
  readonly #surroundings: RunSurroundings;
  readonly #origin: RunOrigin;
  readonly #patience = new RunPatience();
  readonly #mail = new RunMail();
  #opened: OpenedRun | undefined;
  #living: Living | undefined;
  /** Set for a run that can't be read: its journal stays as it is, for a coordinator that can. */
  #refusal: Reply | undefined;
  /** What the coordinator was told that keeps the run waiting. */
  #toldWait: StoreWait | undefined;

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
    const open = (): Promise<void> =>
      openRun(this.#surroundings, this.#origin, context).then((opened) => {
        this.#opened = opened;
      });
    // However large it is: only a refusal is worth telling.
    const patienceMs = Number.POSITIVE_INFINITY;
    this.#patience.ask({ name: OPENING, request: open, patienceMs }, () => ({ kind: "loaded" }), context);
  }

  receive(message: RunMessage, context: Context<RunMessage>): void | Promise<void> {
    const living = this.#living;
    switch (message.kind) {
      case "close":
        return context.stop();
      case "loaded":
        return this.#onLoaded(context);
      case "storeFailed":
        return this.#onStoreFailed(message, context);
      case "storeDue":
        return this.#patience.onDue(message.errand);
      case "recheck":
        this.#tellWait(context);
        break;
      case "transport":
        if (message.status === "connected") this.#patience.onConnected();
        break;
      case "forecastDue":
        return living?.forecast.goOn();
      case "estimatesRead":
        return living?.forecast.begin();
      case "snapshotDue":
        return living?.writer.snapshots.take();
    }
    if (this.#refusal !== undefined) return refuse(message, this.#refusal);
    if (living !== undefined) return this.#onMessage(message, living, context);
    if (!this.#mail.put(message)) refuse(message, this.#tooEarly(context));
  }

  #onLoaded(context: Context<RunMessage>): void {
    const opened = this.#opened;
    if (opened === undefined) throw new MillraceError("internal", "loaded without a state");
    this.#opened = undefined;
    if (opened.kind === "deposed") return this.#onDeposed(opened.epoch, context);
    const { state } = opened;
    const living = this.#bringToLife(opened, context);
    this.#living = living;
    this.#surroundings.states.set(state.run, state);
    // What an actor of this run before it was granted and did not record is free again.
    this.#surroundings.scheduler.tell({ kind: "runClosed", run: state.run });
    announceRun(this.#surroundings, state, context.self);
    living.forecast.begin();
    if (opened.kind === "new") living.writer.record([opened.submitted]);
    else this.#goOn(living, opened.missingEvents, context);
    this.#openMail(living, context);
  }

  #bringToLife(opened: Exclude<OpenedRun, { kind: "deposed" }>, context: Context<RunMessage>): Living {
    const { state } = opened;
    const surroundings = this.#surroundings;
    const patience = this.#patience;
    const events = new RunEvents(state.run, surroundings, patience, context);
    const forecast = new RunForecast(state, surroundings, context);
    const reuse = new RunReuse(state, surroundings, context);
    const jobs = new RunJobs(state, surroundings, { forecast, reuse }, context);
    const consequences = new Consequences(state, surroundings, { jobs, events, patience, reuse }, context);
    const writer = new RunWriter(state, surroundings, { jobs, consequences, patience }, opened, context);
    const leases = new RunLeases(state, surroundings, { writer, jobs }, context);
    const commands = new RunCommands(state, surroundings, { writer, forecast }, context);
    const clock = new ClockWatch(context.now(), context.monotonicMs());
    return { state, writer, jobs, events, forecast, reuse, consequences, leases, commands, clock };
  }

  /** Goes on where an earlier leader, or this actor before it failed, has stopped. */
  #goOn(living: Living, missing: readonly RunEvent[], context: Context<RunMessage>): void {
    const { run, coordinator, views } = this.#surroundings;
    views.set(run, viewRun(living.state));
    living.events.add(missing, { isLive: false });
    living.events.store();
    coordinator.tell({ kind: "runLoaded", run });
    if (living.state.endedAt !== null) return living.consequences.tellEnd();
    const { abortReason } = this.#origin;
    living.reuse.tellClaims();
    living.reuse.tellMade();
    if (abortReason === undefined) living.leases.adopt();
    else living.writer.record([{ type: "aborted", at: context.now(), reason: abortReason }]);
    living.jobs.repair();
    this.#recheck(living, 0, context);
  }

  #onStoreFailed(failure: StoreFailure, context: Context<RunMessage>): void {
    const { errand, code, reason } = failure;
    // A client that submits is told at once what is wrong, and comes again.
    const isSubmission = errand === OPENING && !this.#origin.isStored;
    if (!isSubmission && this.#patience.takes(failure, context)) return this.#tellWait(context);
    if (errand === OPENING) return this.#setAside(failure, context);
    throw new MillraceError(code as ErrorCode, `${errand} failed: ${reason}`);
  }

  #setAside({ code, reason, fix }: StoreFailure, context: Context<RunMessage>): void {
    const { run, coordinator } = this.#surroundings;
    const reply: Reply = { ok: false, code, message: reason, ...(fix === undefined ? {} : { fix }) };
    this.#refusal = reply;
    for (const message of this.#mail.open()) refuse(message, reply);
    if (!this.#origin.isStored) return coordinator.tell({ kind: "runRejected", run, reply });
    context.log.error({ run, reason, fix }, "a run is set aside: it can't be read");
    coordinator.tell({ kind: "runLoaded", run });
  }

  #onMessage(message: RunMessage, living: Living, context: Context<RunMessage>): void {
    const { state, writer, leases, consequences } = living;
    const now = context.now();
    // Before anything is judged by it.
    const setByMs = living.clock.onRead(now, context.monotonicMs());
    if (setByMs !== 0) writer.record(decide.onClockSet(state, setByMs, now));
    switch (message.kind) {
      case "appended":
        return this.#onAppended(message, living, context);
      case "granted":
        return leases.onGranted(message);
      case "recalled":
        return leases.recall(message.recalls);
      case "stranded":
        return writer.record(
          message.jobs.flatMap((job) => decide.onStranded(state, job, message.reason, now)),
        );
      case "snapshotWritten":
        return writer.snapshots.onWritten(message.failure);
      case "eventsStored":
        living.events.onStored();
        return consequences.tellEnd();
      case "dependency":
        return living.jobs.onDependency(message.result);
      case "carryOn":
        return consequences.carryOn();
      case "inputsStored":
        return consequences.onInputsStored(message.agent, message.request);
      case "recheck":
        return this.#recheck(living, OVERDUE_MS, context);
      case "transport":
        if (message.status !== "connected") return;
        living.jobs.repair();
        return this.#recheck(living, 0, context);
      case "schedulerStarted":
        living.jobs.forgetRequests();
        leases.adopt();
        return this.#recheck(living, 0, context);
      case "fleetStarted":
        return leases.adopt();
      case "reuseStarted":
        living.reuse.tellClaims();
        living.jobs.forgetLooking();
        return this.#recheck(living, 0, context);
      case "looked":
        writer.record(living.reuse.onLooked(message));
        return living.jobs.onLooked(message.job);
      case "imageFound":
        living.reuse.places.onImageFound(message.agent, message.image, message.digest);
        return living.reuse.recheck();
      case "offered":
        return living.reuse.recheck();
    }
    this.#onOutsider(message, living);
  }

  /** From agents and people, of whom there may come any number while the journal does not answer. */
  #onOutsider(message: RunMessage, { writer, leases, commands }: Living): void {
    const { wait } = writer;
    switch (message.kind) {
      case "command":
        return wait === undefined ? commands.onCommand(message) : commands.answerWaiting(message, wait);
      case "reported":
        if (wait === undefined) return leases.onReported(message);
        break;
      case "agentResynced":
        if (wait === undefined) return leases.onAgentResynced(message);
        break;
      case "agentGone":
        if (wait === undefined) return leases.onAgentGone(message);
        break;
      default:
        return;
    }
    this.#mail.put(message);
  }

  /** Reading a large run takes a while, and many may ask for it meanwhile. */
  #tooEarly(context: Context<RunMessage>): Reply {
    const { run } = this.#surroundings;
    const wait = this.#patience.longestWait(context);
    if (wait !== undefined) return waitingRefusal(run, wait);
    const message = `run ${run} is being read from its journal, and others wait for it`;
    return { ok: false, code: "unavailable", message, fix: "Ask again in a moment." };
  }

  #openMail(living: Living, context: Context<RunMessage>): void {
    for (const message of this.#mail.open()) this.#onMessage(message, living, context);
  }

  #onAppended(
    { result, view }: Extract<RunMessage, { kind: "appended" }>,
    living: Living,
    context: Context<RunMessage>,
  ): void {
    // Also where it is a conflict: somebody has stored it.
    this.#origin.isStored = true;
    const deposed = living.writer.onAppended(result, view);
    if (deposed !== undefined) {
      const { deposedBy: epoch } = deposed;
      context.log.warn({ epoch }, "an append is refused: a later leader has claimed the run");
      return this.#onDeposed(epoch, context);
    }
    this.#tellWait(context);
    this.#openMail(living, context);
  }

  /** Another coordinator leads: whatever this one has staged was never decided. */
  #onDeposed(epoch: number, context: Context<RunMessage>): void {
    this.#surroundings.coordinator.tell({ kind: "deposed", epoch });
    context.stop();
  }

  #recheck(living: Living, overdueMs: number, context: Context<RunMessage>): void {
    const { state, writer, jobs } = living;
    if (state.endedAt !== null || writer.wait !== undefined) return;
    const now = context.now();
    const { records, recalls } = decide.onQueueCheck(state, jobs.withQueueTimeout, now);
    if (records.length > 0) writer.record(records);
    living.leases.recall(recalls);
    living.reuse.recheck();
    // What is still to be carried out is not overdue.
    if (living.consequences.isIdle) jobs.recheck(now - overdueMs);
  }

  /** Lets people see what keeps the run waiting, and that nothing does any more. */
  #tellWait(context: Context<RunMessage>): void {
    const wait = this.#patience.longestWait(context);
    const told = this.#toldWait;
    if (wait?.since === told?.since && wait?.reason === told?.reason) return;
    this.#toldWait = wait;
    const { run, coordinator } = this.#surroundings;
    coordinator.tell({ kind: "runWaits", run, wait: wait ?? null });
  }
}

/** Commands have their answer; reports go unsettled, so that agents keep them. */
function refuse(message: RunMessage, reply: Reply): void {
  if (message.kind === "command") message.replyTo.tell(reply);
}
