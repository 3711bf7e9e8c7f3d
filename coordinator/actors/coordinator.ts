/**
 * The coordinator actor: leads for one epoch. It takes over the living runs of the journal, and holds the tree below
 * it: scheduler, fleet and one run actor per living run. Commands of the API go through it.
 *
 *   taking over ──every living run claimed──▶ leading ──higher epoch seen──▶ deposed (all stops)
 *
 * Safe: 1. a command to a run is answered after its claim, a listing of all when every run is claimed; 2. what agents
 * hold of unknown runs is ended only when the journal has none of them. Live: 3. a run whose actors fail for good is ended
 * as `infrastructure`; nothing else suffers.
 */
import type { ActorRef, Behaviour, Codec, Context } from "../../shared/actor/contract.ts";
import type { Subjects } from "../../shared/bus/subjects.ts";
import type { ApiCommand } from "../../shared/model/api.ts";
import { Estimates } from "../core/estimates.ts";
import { type FleetTimes, newFleet } from "../core/fleet.ts";
import type { OrderChannel } from "../core/order-channel.ts";
import { Scheduler } from "../core/scheduler.ts";
import type { Documents } from "../journal/documents.ts";
import type { EstimateStore } from "../journal/estimate-store.ts";
import type { EventLog, Journal } from "../journal/journal.ts";
import type { FollowedRuns } from "../journal/journal-follower.ts";
import type { Submission } from "../journal/new-run.ts";
import type { ReuseStores } from "../journal/reuse-stores.ts";
import type { Snapshots } from "../journal/snapshots.ts";
import type { ReadGraph } from "../journal/submitted-graph.ts";
import { findUntoldEnds } from "../journal/untold-ends.ts";
import type { ArchiveMessage } from "./archive.ts";
import { Counters } from "./counters.ts";
import { EarlyQuestions } from "./early-questions.ts";
import { EstimatesKeeper, type EstimatesMessage } from "./estimates-keeper.ts";
import { FleetActor, type FleetOptions } from "./fleet.ts";
import { FleetNumbers } from "./fleet-events.ts";
import type { Command, CoordinatorMessage, FleetMessage, Reply, SchedulerMessage } from "./messages.ts";
import { Plans } from "./plans.ts";
import { listRuns } from "./query.ts";
import { ReuseActor } from "./reuse.ts";
import type { ReuseMessage } from "./reuse-message.ts";
import { type CommonSurroundings, FAILED_FOR_GOOD, RunRegistry } from "./run-registry.ts";
import { SchedulerActor } from "./scheduler.ts";
import { type StorageMessage, Storekeeper, type StorekeeperOptions } from "./storekeeper.ts";
import { Strays } from "./strays.ts";
import { Submissions } from "./submissions.ts";

export interface CoordinatorOptions extends StorekeeperOptions {
  readonly epoch: number;
  /** The runs as the journal had them when the epoch was claimed. */
  readonly runs: FollowedRuns;
  readonly node: string;
  readonly version: string;
  readonly subjects: Subjects;
  readonly codec: Codec;
  readonly journal: Journal;
  readonly eventLog: EventLog;
  readonly readGraph: ReadGraph;
  readonly documents: Documents;
  /** None are written when left out. */
  readonly snapshots?: Snapshots;
  /** How long jobs took is forgotten with the term when left out. */
  readonly estimateStore?: EstimateStore;
  readonly reuseStores: ReuseStores;
  /** Tokens of the agents of which a heartbeat was heard lately. */
  readonly heardOf: FleetOptions["heardOf"];
  readonly times: FleetTimes;
  readonly backlogPerSlot: number;
  /** Answers about ended runs, whoever leads. */
  readonly archive: ActorRef<ArchiveMessage>;
  /** Messages that were refused on this node so far, by reason. */
  readonly deadLetterCounts?: () => readonly [string, number][];
  /** Another leader has taken over: this process has nothing left to do. */
  readonly onDeposed: (epoch: number) => void;
  readonly onEpochObeyed: FleetOptions["onEpochObeyed"];
}

interface Actors {
  readonly scheduler: ActorRef<SchedulerMessage>;
  readonly fleet: ActorRef<FleetMessage>;
  readonly reuse: ActorRef<ReuseMessage>;
  readonly strays: Strays;
}

const WINDOW_MS = 60_000;
/** Agents that were there before have said hello to a new coordinator after this many heartbeats. */
const GRACE_BEATS = 2;
/** Looking through ten thousand ended runs takes a second of CPU, which a takeover has better use for. */
const UNTOLD_ENDS_MS = 2_000;

export class CoordinatorActor implements Behaviour<CoordinatorMessage> {
  readonly #options: CoordinatorOptions;
  readonly #counters = new Counters();
  readonly #schedule: { current: Scheduler };
  readonly #runs = new RunRegistry();
  readonly #estimates = new Estimates();
  readonly #submissions = new Submissions((run) => this.#storekeeper.onSubmitted(run));
  readonly #storekeeper: Storekeeper;
  readonly #early = new EarlyQuestions();
  readonly #plans = new Plans();
  #actors: Actors | undefined;

  constructor(options: CoordinatorOptions) {
    this.#options = options;
    this.#schedule = { current: new Scheduler(options) };
    this.#storekeeper = new Storekeeper(options, options.runs.removed);
  }

  started(context: Context<CoordinatorMessage>): void {
    const { epoch, runs } = this.#options;
    context.log.info({ epoch, living: runs.living.size, ended: runs.ended.size }, "leading");
    const actors = this.#spawnActors(context);
    this.#actors = actors;
    this.#runs.takeOver(runs, this.#commonSurroundings(actors, context), context);
    if (this.#runs.isComplete) this.#onAllLoaded(context);
    context.after(UNTOLD_ENDS_MS, { kind: "endsDue" });
  }

  receive(message: CoordinatorMessage, context: Context<CoordinatorMessage>): void {
    switch (message.kind) {
      case "runLoaded":
        return this.#onLoaded(message.run, context);
      case "command":
        if (message.command.verb !== "runs" || this.#runs.isComplete)
          return this.#onCommand(message.command, message.replyTo, context);
        this.#early.put(message);
        return this.#refuseEarly();
      case "runWaits":
        this.#runs.onWaits(message.run, message.wait);
        return this.#refuseEarly();
      case "runReady":
        return this.#submissions.answer(message.run, {
          ok: true,
          result: { run: message.run, jobs: message.jobs, repeated: false },
        });
      case "runRejected":
        this.#submissions.answer(message.run, message.reply);
        return this.#close(message.run, context);
      case "runEnded":
        this.#runs.end(message.view);
        return this.#close(message.view.run, context);
      case "estimatesRead":
        for (const { ref } of this.#runs.refs) ref.tell({ kind: "estimatesRead" });
        return;
      case "endsDue":
        return this.#findUntoldEnds(context);
      case "endsUntold":
        for (const run of message.runs) this.#runs.revive(run, context);
        return;
      case "runActorFailed":
        return this.#onRunActorFailed(message.run, context);
      case "runsCondemned":
      case "allRemoved":
      case "collected":
      case "storage":
        return this.#onStorage(message);
      case "straysSighted":
      case "straysLookedFor":
        return this.#actors?.strays.take(message, context);
      case "schedulerStarted":
        this.#actors?.scheduler.tell({ kind: "paused", reason: this.#storekeeper.pauseReason });
        this.#actors?.fleet.tell({ kind: "schedulerStarted" });
        for (const { ref } of this.#runs.refs) ref.tell({ kind: "schedulerStarted" });
        if (this.#runs.isComplete) this.#actors?.scheduler.tell({ kind: "recovered" });
        return;
      case "fleetStarted":
        for (const { ref } of this.#runs.refs) ref.tell({ kind: "fleetStarted" });
        if (this.#runs.isComplete) this.#tellRecovered();
        return;
      case "reuseStarted":
        for (const { ref } of this.#runs.refs) ref.tell({ kind: "reuseStarted" });
        if (this.#runs.isComplete) this.#actors?.reuse.tell({ kind: "recovered" });
        return;
      case "deposed":
        return this.#onDeposed(message.epoch, context);
    }
  }

  #findUntoldEnds(context: Context<CoordinatorMessage>): void {
    context.pipe(
      findUntoldEnds(this.#runs.ended, this.#options.eventLog),
      (runs) => ({ kind: "endsUntold", runs }),
      // The next leader finds them.
      () => ({ kind: "endsUntold", runs: [] }),
    );
  }

  #spawnActors(context: Context<CoordinatorMessage>): Actors {
    const { times, subjects, codec, eventLog } = this.#options;
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
    const { states } = this.#runs;
    const jobName = (run: string, job: number): string | undefined => states.get(run)?.specs[job]?.name;
    const { epoch } = this.#options;
    const channels = new Map<string, OrderChannel>();
    const numbers = new FleetNumbers(epoch);
    const fleet = context.spawn<FleetMessage>(
      "fleet",
      () =>
        new FleetActor({
          epoch,
          fleet: newFleet(times),
          channels,
          numbers,
          heardOf: this.#options.heardOf,
          onEpochObeyed: this.#options.onEpochObeyed,
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
    this.#storekeeper.start({ epoch, codec, lostAfterMs: times.lostAfterMs }, supervision, context);
    const { estimateStore: store } = this.#options;
    if (store !== undefined) {
      const keeper = { epoch, estimates: this.#estimates, store, coordinator };
      context.spawn<EstimatesMessage>("estimates", () => new EstimatesKeeper(keeper), { supervision });
    }
    const reuse = context.spawn<ReuseMessage>(
      "reuse",
      () => {
        const onStarted = (): void => coordinator.tell({ kind: "reuseStarted" });
        return new ReuseActor({ ...this.#options.reuseStores, counters, onStarted });
      },
      { mailbox: { capacity: 1_000_000, overflow: "fail" }, supervision },
    );
    const strays = new Strays({
      journal: this.#options.journal,
      fleet,
      counters,
      lifeOf: (run) => (this.#storekeeper.isGivenUp(run) ? "over" : this.#runs.lifeOf(run)),
      takeUp: (run) => this.#runs.spawn(run, { isStored: true }, context),
    });
    return { scheduler, fleet, reuse, strays };
  }

  #commonSurroundings(actors: Actors, { self }: Context<CoordinatorMessage>): CommonSurroundings {
    const { epoch, journal, eventLog, codec, readGraph, documents, snapshots, subjects } = this.#options;
    const stores = { journal, eventLog, codec, readGraph, documents, snapshots };
    const own = { counters: this.#counters, coordinator: self, schedule: this.#schedule };
    const estimates = this.#estimates;
    return { epoch, subjects, estimates, ...stores, ...own, ...actors };
  }

  /** A run is taken over: also one that was submitted to an earlier leader which could not say so. */
  #onLoaded(run: string, context: Context<CoordinatorMessage>): void {
    this.#submissions.answer(run, {
      ok: true,
      result: { run, jobs: this.#runs.jobsOf(run) ?? 0, repeated: true },
    });
    if (this.#runs.onLoaded(run)) this.#onAllLoaded(context);
  }

  #refuseEarly(): void {
    const held = this.#runs.takeoverWait;
    if (held !== undefined) this.#early.refuse(held);
  }

  #onAllLoaded(context: Context<CoordinatorMessage>): void {
    this.#tellRecovered();
    for (const { command, replyTo } of this.#early.take()) this.#onCommand(command, replyTo, context);
  }

  #tellRecovered(): void {
    const runs = this.#runs.refs;
    this.#actors?.fleet.tell({ kind: "recovered", runs });
    this.#actors?.scheduler.tell({ kind: "recovered" });
    this.#actors?.reuse.tell({ kind: "recovered" });
  }

  /** Nothing is started, restarted or answered any more; the process is about to end. */
  #onDeposed(epoch: number, context: Context<CoordinatorMessage>): void {
    context.log.warn({ epoch, own: this.#options.epoch }, "deposed by another coordinator");
    this.#options.onDeposed(epoch);
    context.stop();
  }

  /** It is ended as `infrastructure`, or, if even that fails, listed as such. */
  #onRunActorFailed(run: string, context: Context<CoordinatorMessage>): void {
    if (this.#runs.onActorFailed(run, context)) return;
    this.#submissions.answer(run, { ok: false, code: "internal", message: FAILED_FOR_GOOD });
    this.#close(run, context);
  }

  #close(run: string, context: Context<CoordinatorMessage>): void {
    this.#runs.close(run, context);
    this.#onLoaded(run, context);
    this.#actors?.scheduler.tell({ kind: "runClosed", run });
    this.#actors?.fleet.tell({ kind: "runClosed", run });
    this.#actors?.reuse.tell({ kind: "runClosed", run });
  }

  #onCommand(command: Command, replyTo: ActorRef<Reply>, context: Context<CoordinatorMessage>): void {
    switch (command.verb) {
      case "submit": {
        const { run, graph, options } = command.request;
        return this.#submit(run, { graph, options, at: context.now() }, replyTo, context);
      }
      case "retry": {
        const { run, retryOf, options } = command.request;
        return this.#submit(run, { retryOf, options, at: context.now() }, replyTo, context);
      }
      case "plan":
        return this.#plan(command.request, replyTo, context);
      case "runs":
        return replyTo.tell(listRuns(this.#runs.views(), command.request));
      case "status":
        return replyTo.tell({ ok: true, result: this.#status() });
      case "gc":
        return this.#storekeeper.collect(command.request, replyTo);
      case "agents":
      case "mode":
      case "ask":
        this.#actors?.fleet.tell({ kind: "command", command, replyTo });
        return;
      default: {
        const { run } = command.request;
        const living = this.#runs.living(run);
        if (living !== undefined) return living.tell({ kind: "command", command, replyTo });
        const view = this.#runs.endedView(run);
        if (view === undefined) return replyTo.tell(noRun(run));
        this.#options.archive.tell({ view, command, replyTo });
      }
    }
  }

  #submit(
    run: string,
    submission: Submission,
    replyTo: ActorRef<Reply>,
    context: Context<CoordinatorMessage>,
  ): void {
    if (this.#submissions.join(run, replyTo)) return;
    const jobs = this.#runs.jobsOf(run);
    if (jobs !== undefined || this.#runs.living(run) !== undefined) {
      return replyTo.tell({ ok: true, result: { run, jobs: jobs ?? 0, repeated: true } });
    }
    const refusal = this.#storekeeper.refusal(run);
    if (refusal !== undefined) return replyTo.tell(refusal);
    if ("retryOf" in submission && this.#storekeeper.isGivenUp(submission.retryOf))
      return replyTo.tell(noRun(submission.retryOf));
    if ("retryOf" in submission) this.#storekeeper.onRetryBegun(run, submission.retryOf);
    this.#submissions.begin(run, replyTo);
    this.#runs.spawn(run, { isStored: false, submission }, context);
  }

  #plan(request: ApiCommand<"plan">, replyTo: ActorRef<Reply>, context: Context<CoordinatorMessage>): void {
    if (this.#actors === undefined) return;
    const { reuseStores } = this.#options;
    const surroundings = { ...this.#commonSurroundings(this.#actors, context), reuseStores };
    this.#plans.ask(request, replyTo, surroundings, context);
  }

  #onStorage(message: StorageMessage): void {
    this.#storekeeper.take(message);
    if (message.kind === "runsCondemned") for (const run of message.runs) this.#runs.forget(run);
    this.#actors?.scheduler.tell({ kind: "paused", reason: this.#storekeeper.pauseReason });
  }

  #status() {
    const deadLetters = this.#options.deadLetterCounts?.() ?? [];
    const { storage, troubles } = this.#storekeeper.status();
    return {
      namespace: this.#options.subjects.namespace,
      version: this.#options.version,
      node: this.#options.node,
      epoch: this.#options.epoch,
      runs: this.#runs.livingCount,
      agents: this.#schedule.current.offers().length,
      counters: [
        ...this.#counters.entries(),
        ...deadLetters.map(([reason, count]) => [`deadLetters.${reason}`, count]),
      ],
      queued: this.#schedule.current.queuedCount,
      storage,
      troubles: [...this.#runs.troubles(), ...troubles],
    };
  }
}

function noRun(run: string): Reply {
  return { ok: false, code: "notFound", message: `there is no run ${run}` };
}
