/**
 * The coordinator actor: takes the next epoch, brings living runs back from the journal, and holds the tree below it:
 * scheduler, fleet, archive and one run actor per living run. Commands of the API go through it.
 *
 *   claiming ──epoch──▶ listing ──runs known──▶ serving ──higher epoch seen──▶ deposed (all stops)
 *
 * Safe: 1. no command is answered before the runs are known; 2. reports of unknown runs are dropped only after every
 * living run is loaded. Live: 3. a run whose actors fail for good is ended as `infrastructure`; nothing else suffers.
 */
import type { ActorRef, Behaviour, Codec, Context } from "../../shared/actor/contract.ts";
import type { Subjects } from "../../shared/bus/subjects.ts";
import type { RunView } from "../../shared/model/api.ts";
import { type FleetTimes, newFleet } from "../core/fleet.ts";
import type { RunState } from "../core/run-state.ts";
import { viewEndedRun } from "../core/run-view.ts";
import { Scheduler } from "../core/scheduler.ts";
import type { Entry, EventLog, Journal } from "../journal/journal.ts";
import { decodeRecords, type ReadGraph } from "../journal/run-loader.ts";
import { ArchiveActor, type ArchiveMessage } from "./archive.ts";
import { Counters } from "./counters.ts";
import { FleetActor } from "./fleet.ts";
import type {
  Command,
  CoordinatorMessage,
  FleetMessage,
  Reply,
  RunMessage,
  SchedulerMessage,
} from "./messages.ts";
import { RunActor } from "./run.ts";
import type { RunOrigin, RunSurroundings } from "./run-surroundings.ts";
import { SchedulerActor } from "./scheduler.ts";

export interface CoordinatorOptions {
  readonly node: string;
  readonly version: string;
  readonly subjects: Subjects;
  readonly codec: Codec;
  readonly journal: Journal;
  readonly eventLog: EventLog;
  readonly readGraph: ReadGraph;
  readonly storeInputs: RunSurroundings["storeInputs"];
  readonly times: FleetTimes;
  readonly backlogPerSlot: number;
  /** Another leader has taken over: this process has nothing left to do. */
  readonly onDeposed: (epoch: number) => void;
}

interface LivingRun {
  readonly ref: ActorRef<RunMessage>;
  readonly origin: RunOrigin;
}

const RUN_MAILBOX = 250_000;
const RUN_RESTARTS = 3;
const WINDOW_MS = 60_000;
/** Agents that were there before have said hello to a new coordinator after this many heartbeats. */
const GRACE_BEATS = 2;

export class CoordinatorActor implements Behaviour<CoordinatorMessage> {
  readonly #options: CoordinatorOptions;
  readonly #counters = new Counters();
  readonly #schedule: { current: Scheduler };
  readonly #states = new Map<string, RunState>();
  readonly #views = new Map<string, RunView>();
  readonly #living = new Map<string, LivingRun>();
  readonly #ended = new Map<string, RunView>();
  /** Submissions that wait for their first record to be stored. */
  readonly #submitters = new Map<string, ActorRef<Reply>[]>();
  readonly #notLoaded = new Set<string>();
  #early: Extract<CoordinatorMessage, { kind: "command" }>[] | undefined = [];
  #epoch = 0;
  #actors:
    | {
        readonly scheduler: ActorRef<SchedulerMessage>;
        readonly fleet: ActorRef<FleetMessage>;
        readonly archive: ActorRef<ArchiveMessage>;
      }
    | undefined;

  constructor(options: CoordinatorOptions) {
    this.#options = options;
    this.#schedule = { current: new Scheduler(options) };
  }

  started(context: Context<CoordinatorMessage>): void {
    context.pipe(
      this.#options.journal.claimEpoch(this.#options.node),
      (epoch) => ({ kind: "claimed", epoch }),
      (error) => ({ kind: "recoveryFailed", reason: String(error) }),
    );
  }

  receive(message: CoordinatorMessage, context: Context<CoordinatorMessage>): void {
    switch (message.kind) {
      case "claimed":
        this.#epoch = message.epoch;
        context.log.info({ epoch: message.epoch }, "leading");
        this.#spawnActors(context);
        return context.pipe(
          this.#listRuns(),
          (living) => ({ kind: "listed", living }),
          (error) => ({ kind: "recoveryFailed", reason: String(error) }),
        );
      case "listed":
        return this.#onListed(message.living, context);
      case "recoveryFailed":
        throw new Error(`the journal can't be read: ${message.reason}`);
      case "runLoaded":
        return this.#onLoaded(message.run);
      case "command":
        if (this.#early !== undefined) this.#early.push(message);
        else this.#onCommand(message.command, message.replyTo, context);
        return;
      case "runReady":
        return this.#answerSubmitters(message.run, {
          ok: true,
          result: { run: message.run, jobs: message.jobs, repeated: false },
        });
      case "runRejected":
        this.#answerSubmitters(message.run, message.reply);
        return this.#close(message.run, context);
      case "runEnded":
        this.#ended.set(message.view.run, message.view);
        return this.#close(message.view.run, context);
      case "runActorFailed":
        return this.#onRunActorFailed(message.run, context);
      case "schedulerStarted":
        this.#actors?.fleet.tell({ kind: "schedulerStarted" });
        for (const { ref } of this.#living.values()) ref.tell({ kind: "schedulerStarted" });
        return;
      case "fleetStarted":
        for (const { ref } of this.#living.values()) ref.tell({ kind: "fleetStarted" });
        if (this.#early === undefined && this.#notLoaded.size === 0)
          this.#actors?.fleet.tell({ kind: "recovered" });
        return;
      case "deposed":
        return this.#onDeposed(message.epoch, context);
    }
  }

  #spawnActors(context: Context<CoordinatorMessage>): void {
    const { times, subjects, codec, eventLog, journal, readGraph } = this.#options;
    const coordinator = context.self;
    const supervision = { maxRestarts: 5, windowMs: WINDOW_MS, backoff: { minMs: 50, maxMs: 5000 } };
    const scheduler = context.spawn<SchedulerMessage>(
      "scheduler",
      () => {
        this.#schedule.current = new Scheduler(this.#options);
        const graceMs = GRACE_BEATS * times.heartbeatMs;
        return new SchedulerActor({ scheduler: this.#schedule.current, coordinator, graceMs });
      },
      { mailbox: { capacity: 1_000_000, overflow: "fail" }, supervision },
    );
    const counters = this.#counters;
    const jobName = (run: string, job: number): string | undefined => this.#states.get(run)?.specs[job]?.name;
    const epoch = this.#epoch;
    const fleet = context.spawn<FleetMessage>(
      "fleet",
      () =>
        new FleetActor({
          epoch,
          fleet: newFleet(times),
          subjects,
          codec,
          eventLog,
          counters,
          coordinator,
          scheduler,
          jobName,
        }),
      { mailbox: { capacity: 250_000 }, supervision },
    );
    const archive = context.spawn<ArchiveMessage>(
      "archive",
      () => new ArchiveActor({ journal, eventLog, codec, readGraph }),
      { mailbox: { capacity: 1000 }, supervision },
    );
    this.#actors = { scheduler, fleet, archive };
  }

  async #listRuns(): Promise<string[]> {
    const living: string[] = [];
    for (const entry of await this.#options.journal.lastOfEachRun()) {
      const view = endedView(entry, this.#options.codec);
      if (view === undefined) living.push(entry.run);
      else this.#ended.set(entry.run, view);
    }
    return living;
  }

  #onListed(living: readonly string[], context: Context<CoordinatorMessage>): void {
    for (const run of living) {
      this.#notLoaded.add(run);
      this.#spawnRun(run, { isStored: true }, context);
    }
    const early = this.#early ?? [];
    this.#early = undefined;
    if (this.#notLoaded.size === 0) this.#actors?.fleet.tell({ kind: "recovered" });
    for (const { command, replyTo } of early) this.#onCommand(command, replyTo, context);
  }

  #onLoaded(run: string): void {
    if (!this.#notLoaded.delete(run) || this.#notLoaded.size > 0) return;
    this.#actors?.fleet.tell({ kind: "recovered" });
  }

  #spawnRun(run: string, origin: RunOrigin, context: Context<CoordinatorMessage>): void {
    if (this.#actors === undefined) return;
    const { scheduler, fleet } = this.#actors;
    const { journal, eventLog, codec, readGraph, storeInputs, subjects } = this.#options;
    const surroundings: RunSurroundings = {
      run,
      epoch: this.#epoch,
      journal,
      eventLog,
      codec,
      readGraph,
      storeInputs,
      subjects,
      counters: this.#counters,
      coordinator: context.self,
      scheduler,
      fleet,
      schedule: this.#schedule,
      states: this.#states,
      views: this.#views,
    };
    const ref = context.spawn(`run-${run}-${context.id()}`, () => new RunActor(surroundings, origin), {
      mailbox: { capacity: RUN_MAILBOX, overflow: "fail" },
      supervision: {
        maxRestarts: RUN_RESTARTS,
        windowMs: WINDOW_MS,
        backoff: { minMs: 50, maxMs: 2000 },
        exhausted: "stop",
      },
    });
    context.watch(ref, () => ({ kind: "runActorFailed", run }));
    this.#living.set(run, { ref, origin });
  }

  /** Nothing is started, restarted or answered any more; the process is about to end. */
  #onDeposed(epoch: number, context: Context<CoordinatorMessage>): void {
    context.log.warn({ epoch, own: this.#epoch }, "deposed by another coordinator");
    this.#options.onDeposed(epoch);
    context.stop();
  }

  /** Its restarts are used up: it is ended as `infrastructure`, or, if even that fails, listed as such. */
  #onRunActorFailed(run: string, context: Context<CoordinatorMessage>): void {
    const living = this.#living.get(run);
    if (living === undefined) return;
    const reason = "its actors failed again and again; the coordinator's log says why";
    const view = this.#views.get(run);
    if (living.origin.isStored && living.origin.abortReason === undefined) {
      context.log.error({ run }, "a run is ended: its actors failed beyond their restart window");
      this.#spawnRun(run, { isStored: true, abortReason: reason }, context);
      return;
    }
    const failure: Reply = { ok: false, code: "internal", message: reason };
    this.#answerSubmitters(run, failure);
    if (view !== undefined) this.#ended.set(run, { ...view, status: "infrastructure", reason });
    this.#close(run, context);
  }

  #close(run: string, context: Context<CoordinatorMessage>): void {
    const living = this.#living.get(run);
    this.#living.delete(run);
    this.#states.delete(run);
    this.#views.delete(run);
    this.#onLoaded(run);
    this.#actors?.scheduler.tell({ kind: "runClosed", run });
    this.#actors?.fleet.tell({ kind: "runClosed", run });
    if (living === undefined) return;
    context.unwatch(living.ref);
    context.stop(living.ref);
  }

  #onCommand(command: Command, replyTo: ActorRef<Reply>, context: Context<CoordinatorMessage>): void {
    switch (command.verb) {
      case "submit":
        return this.#submit(command.request, replyTo, context);
      case "runs":
        return replyTo.tell({ ok: true, result: this.#listing(command.request) });
      case "status":
        return replyTo.tell({ ok: true, result: this.#status() });
      case "agents":
      case "mode":
        this.#actors?.fleet.tell({ kind: "command", command, replyTo });
        return;
      default: {
        const { run } = command.request;
        const living = this.#living.get(run);
        if (living !== undefined) return living.ref.tell({ kind: "command", command, replyTo });
        if (!this.#ended.has(run)) {
          return replyTo.tell({ ok: false, code: "notFound", message: `there is no run ${run}` });
        }
        this.#actors?.archive.tell({ run, command, replyTo });
      }
    }
  }

  #submit(
    request: Extract<Command, { verb: "submit" }>["request"],
    replyTo: ActorRef<Reply>,
    context: Context<CoordinatorMessage>,
  ): void {
    const { run, graph, options } = request;
    const waiting = this.#submitters.get(run);
    if (waiting !== undefined) {
      waiting.push(replyTo);
      return;
    }
    const jobs = this.#states.get(run)?.jobs.length ?? this.#ended.get(run)?.jobs;
    if (jobs !== undefined || this.#living.has(run)) {
      return replyTo.tell({ ok: true, result: { run, jobs: jobs ?? 0, repeated: true } });
    }
    this.#submitters.set(run, [replyTo]);
    this.#spawnRun(run, { isStored: false, submission: { graph, options, at: context.now() } }, context);
  }

  #answerSubmitters(run: string, reply: Reply): void {
    for (const submitter of this.#submitters.get(run) ?? []) submitter.tell(reply);
    this.#submitters.delete(run);
  }

  #listing(request: Extract<Command, { verb: "runs" }>["request"]): { total: number; runs: RunView[] } {
    const { offset, limit, status } = request;
    const views = [...this.#ended.values(), ...this.#views.values()];
    const matching = views.filter((view) => status === undefined || view.status === status);
    matching.sort((a, b) => (a.submittedAt === b.submittedAt ? 0 : a.submittedAt < b.submittedAt ? 1 : -1));
    return { total: matching.length, runs: matching.slice(offset, offset + limit) };
  }

  #status() {
    return {
      namespace: this.#options.subjects.namespace,
      version: this.#options.version,
      epoch: this.#epoch,
      runs: this.#living.size,
      agents: this.#schedule.current.offers().length,
      counters: this.#counters.entries(),
    };
  }
}

/** The view of a run whose last entry closes it; undefined for one that lives. */
function endedView(entry: Entry, codec: Codec): RunView | undefined {
  const last = decodeRecords(entry, codec).at(-1);
  return last?.type === "ended" ? viewEndedRun(entry.run, last) : undefined;
}
