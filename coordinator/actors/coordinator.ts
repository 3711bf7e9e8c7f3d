/**
 * The coordinator actor: leads for one epoch. It takes over the living runs of the journal, and holds the tree below
 * it: scheduler, fleet and one run actor per living run. Commands of the API go through it.
 *
 *   taking over ──every living run claimed──▶ leading ──higher epoch seen──▶ deposed (all stops)
 *
 * Safe: 1. a command to a run is answered after its claim, a listing of all when every run is claimed; 2. reports of
 * unknown runs are dropped only then, too. Live: 3. a run whose actors fail for good is ended as `infrastructure`;
 * nothing else suffers.
 */
import type { ActorRef, Behaviour, Codec, Context } from "../../shared/actor/contract.ts";
import type { Subjects } from "../../shared/bus/subjects.ts";
import type { RunView } from "../../shared/model/api.ts";
import { type FleetTimes, newFleet } from "../core/fleet.ts";
import type { OrderChannel } from "../core/order-channel.ts";
import type { RunState } from "../core/run-state.ts";
import { Scheduler } from "../core/scheduler.ts";
import type { Documents } from "../journal/documents.ts";
import type { EventLog, Journal } from "../journal/journal.ts";
import type { FollowedRuns } from "../journal/journal-follower.ts";
import type { Submission } from "../journal/new-run.ts";
import type { Snapshots } from "../journal/snapshots.ts";
import type { ReadGraph } from "../journal/submitted-graph.ts";
import { findUntoldEnds } from "../journal/untold-ends.ts";
import type { ArchiveMessage } from "./archive.ts";
import { Counters } from "./counters.ts";
import { FleetActor, type FleetOptions } from "./fleet.ts";
import type {
  Command,
  CoordinatorMessage,
  FleetMessage,
  Reply,
  RunMessage,
  SchedulerMessage,
} from "./messages.ts";
import { listRuns } from "./query.ts";
import { RunActor } from "./run.ts";
import type { RunOrigin, RunSurroundings } from "./run-surroundings.ts";
import { SchedulerActor } from "./scheduler.ts";
import { type StorageMessage, Storekeeper, type StorekeeperOptions } from "./storekeeper.ts";

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
/** Looking through ten thousand ended runs takes a second of CPU, which a takeover has better use for. */
const UNTOLD_ENDS_MS = 2_000;

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
  readonly #storekeeper: Storekeeper;
  readonly #notLoaded = new Set<string>();
  /** Questions about all runs, until all are taken over. */
  #early: Extract<CoordinatorMessage, { kind: "command" }>[] = [];
  #actors:
    | {
        readonly scheduler: ActorRef<SchedulerMessage>;
        readonly fleet: ActorRef<FleetMessage>;
      }
    | undefined;

  constructor(options: CoordinatorOptions) {
    this.#options = options;
    this.#schedule = { current: new Scheduler(options) };
    this.#storekeeper = new Storekeeper(options, options.runs.removed);
  }

  started(context: Context<CoordinatorMessage>): void {
    const { epoch, runs } = this.#options;
    context.log.info({ epoch, living: runs.living.size, ended: runs.ended.size }, "leading");
    this.#spawnActors(context);
    for (const [run, view] of runs.ended) this.#ended.set(run, view);
    for (const run of runs.living.keys()) this.#notLoaded.add(run);
    for (const [run, followed] of runs.living) this.#spawnRun(run, { isStored: true, followed }, context);
    if (this.#notLoaded.size === 0) this.#onAllLoaded(context);
    runs.living.clear();
    runs.ended.clear();
    context.after(UNTOLD_ENDS_MS, { kind: "endsDue" });
  }

  receive(message: CoordinatorMessage, context: Context<CoordinatorMessage>): void {
    switch (message.kind) {
      case "runLoaded":
        return this.#onLoaded(message.run, context);
      case "command":
        if (message.command.verb === "runs" && this.#notLoaded.size > 0) this.#early.push(message);
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
      case "endsDue":
        return this.#findUntoldEnds(context);
      case "endsUntold":
        for (const run of message.runs) {
          // Until its end is told it counts as living.
          if (this.#ended.delete(run)) this.#spawnRun(run, { isStored: true }, context);
        }
        return;
      case "runActorFailed":
        return this.#onRunActorFailed(message.run, context);
      case "runsCondemned":
      case "allRemoved":
      case "storage":
        return this.#onStorage(message);
      case "schedulerStarted":
        this.#actors?.scheduler.tell({ kind: "paused", reason: this.#storekeeper.pauseReason });
        this.#actors?.fleet.tell({ kind: "schedulerStarted" });
        for (const { ref } of this.#living.values()) ref.tell({ kind: "schedulerStarted" });
        if (this.#notLoaded.size === 0) this.#actors?.scheduler.tell({ kind: "recovered" });
        return;
      case "fleetStarted":
        for (const { ref } of this.#living.values()) ref.tell({ kind: "fleetStarted" });
        if (this.#notLoaded.size === 0) this.#tellRecovered();
        return;
      case "deposed":
        return this.#onDeposed(message.epoch, context);
    }
  }

  #findUntoldEnds(context: Context<CoordinatorMessage>): void {
    context.pipe(
      findUntoldEnds([...this.#ended.values()], this.#options.eventLog),
      (runs) => ({ kind: "endsUntold", runs }),
      // The next leader finds them.
      () => ({ kind: "endsUntold", runs: [] }),
    );
  }

  #spawnActors(context: Context<CoordinatorMessage>): void {
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
    const jobName = (run: string, job: number): string | undefined => this.#states.get(run)?.specs[job]?.name;
    const { epoch } = this.#options;
    const channels = new Map<string, OrderChannel>();
    const fleet = context.spawn<FleetMessage>(
      "fleet",
      () =>
        new FleetActor({
          epoch,
          fleet: newFleet(times),
          channels,
          heardOf: this.#options.heardOf,
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
    this.#actors = { scheduler, fleet };
  }

  /** A run is taken over: also one that was submitted to an earlier leader which could not say so. */
  #onLoaded(run: string, context: Context<CoordinatorMessage>): void {
    const jobs = this.#states.get(run)?.jobs.length ?? this.#ended.get(run)?.jobs ?? 0;
    this.#answerSubmitters(run, { ok: true, result: { run, jobs, repeated: true } });
    if (this.#notLoaded.delete(run) && this.#notLoaded.size === 0) this.#onAllLoaded(context);
  }

  #onAllLoaded(context: Context<CoordinatorMessage>): void {
    this.#tellRecovered();
    for (const { command, replyTo } of this.#early.splice(0)) this.#onCommand(command, replyTo, context);
  }

  #tellRecovered(): void {
    const runs = [...this.#living].map(([run, { ref }]) => ({ run, ref }));
    this.#actors?.fleet.tell({ kind: "recovered", runs });
    this.#actors?.scheduler.tell({ kind: "recovered" });
  }

  #spawnRun(run: string, origin: RunOrigin, context: Context<CoordinatorMessage>): void {
    if (this.#actors === undefined) return;
    const { scheduler, fleet } = this.#actors;
    const { journal, eventLog, codec, readGraph, documents, subjects } = this.#options;
    const surroundings: RunSurroundings = {
      run,
      epoch: this.#options.epoch,
      journal,
      eventLog,
      codec,
      readGraph,
      documents,
      snapshots: this.#options.snapshots,
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
    context.log.warn({ epoch, own: this.#options.epoch }, "deposed by another coordinator");
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
    this.#onLoaded(run, context);
    this.#actors?.scheduler.tell({ kind: "runClosed", run });
    this.#actors?.fleet.tell({ kind: "runClosed", run });
    if (living === undefined) return;
    context.unwatch(living.ref);
    living.ref.tell({ kind: "close" });
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
      case "runs":
        return replyTo.tell(listRuns([...this.#ended.values(), ...this.#views.values()], command.request));
      case "status":
        return replyTo.tell({ ok: true, result: this.#status() });
      case "gc":
        return this.#storekeeper.collect(command.request, replyTo);
      case "agents":
      case "mode":
        this.#actors?.fleet.tell({ kind: "command", command, replyTo });
        return;
      default: {
        const { run } = command.request;
        const living = this.#living.get(run);
        if (living !== undefined) return living.ref.tell({ kind: "command", command, replyTo });
        const view = this.#ended.get(run);
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
    const waiting = this.#submitters.get(run);
    if (waiting !== undefined) {
      waiting.push(replyTo);
      return;
    }
    const jobs = this.#states.get(run)?.jobs.length ?? this.#ended.get(run)?.jobs;
    if (jobs !== undefined || this.#living.has(run)) {
      return replyTo.tell({ ok: true, result: { run, jobs: jobs ?? 0, repeated: true } });
    }
    const refusal = this.#storekeeper.refusal(run);
    if (refusal !== undefined) return replyTo.tell(refusal);
    if ("retryOf" in submission && this.#storekeeper.isGivenUp(submission.retryOf))
      return replyTo.tell(noRun(submission.retryOf));
    this.#submitters.set(run, [replyTo]);
    this.#spawnRun(run, { isStored: false, submission }, context);
  }

  #onStorage(message: StorageMessage): void {
    this.#storekeeper.take(message);
    if (message.kind === "runsCondemned") for (const run of message.runs) this.#ended.delete(run);
    this.#actors?.scheduler.tell({ kind: "paused", reason: this.#storekeeper.pauseReason });
  }

  #answerSubmitters(run: string, reply: Reply): void {
    for (const submitter of this.#submitters.get(run) ?? []) submitter.tell(reply);
    this.#submitters.delete(run);
  }

  #status() {
    const deadLetters = this.#options.deadLetterCounts?.() ?? [];
    return {
      namespace: this.#options.subjects.namespace,
      version: this.#options.version,
      node: this.#options.node,
      epoch: this.#options.epoch,
      runs: this.#living.size,
      agents: this.#schedule.current.offers().length,
      counters: [
        ...this.#counters.entries(),
        ...deadLetters.map(([reason, count]) => [`deadLetters.${reason}`, count]),
      ],
      queued: this.#schedule.current.queuedCount,
      ...this.#storekeeper.status(),
    };
  }
}

function noRun(run: string): Reply {
  return { ok: false, code: "notFound", message: `there is no run ${run}` };
}
