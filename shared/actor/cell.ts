/**
 * Runs one actor. A cell outlives the behaviours it makes: a restart gives it a new one and keeps its mailbox.
 *
 *   created ──▶ starting ──▶ ready ⇄ busy          starting, busy: a promise of the behaviour is awaited
 *      ▲            │          │      │
 *      │            └── failure or stop ──▶ unwinding ──▶ stopped
 *   backingOff ◀────────── (a restart) ────────┘
 *
 * A failure is put before the parent's supervision, which restarts or stops the actor, or escalates: then the actor is
 * `suspended` until its parent, which fails in its place, stops it. Unwinding drops timers, subscriptions and watches, stops
 * the children, and lets the behaviour know. A stop that comes meanwhile turns the restart into a stop.
 *
 * 1. A behaviour handles one message at a time; while one of its promises is open, nothing else is handed to it.
 * 2. `stopped` is called once for each behaviour made, after its last message and after its children have ended.
 * 3. `finish` runs once; from then on each message is a dead letter, and each watcher has been told.
 * 4. A stop or a failure asked for in the midst of a handler waits for its end. A stop comes before a failure.
 * 5. Whatever leads to user code of another actor goes through the dispatcher, so no handler runs within another.
 */

import { ActorError } from "./actor-error.ts";
import { Belongings } from "./belongings.ts";
import { Children } from "./children.ts";
import { ActorContext } from "./context.ts";
import type { ActorRef, Behaviour, Cancel, SpawnOptions, TerminationCause } from "./contract.ts";
import type { Watcher } from "./death-watch.ts";
import type { Runnable } from "./dispatcher.ts";
import type { Host, Parent } from "./host.ts";
import { Mailbox } from "./mailbox.ts";
import { Notice } from "./notice.ts";
import { LocalRef } from "./ref.ts";
import { Supervisor } from "./supervisor.ts";

type Phase = "created" | "starting" | "ready" | "busy" | "suspended" | "unwinding" | "backingOff" | "stopped";

/** The phase as the inspector shows it. */
export type ActorState = Exclude<Phase, "unwinding"> | "restarting" | "stopping";

export type Delivery = "accepted" | "full" | "terminated";

const DEFAULTS = {} as const;
/** Its elder siblings and its parent wait for it, and go on with their work meanwhile. */
const STOPPED_LIMIT_MS = 2_000;

export class Cell implements Runnable, Parent {
  readonly host: Host;
  readonly parent: Parent;
  readonly name: string;
  readonly ref: ActorRef<never>;
  /** Messages handed to behaviours. */
  processed = 0;
  restarts = 0;
  /** What ended the actor, where that was a failure. */
  failure: { readonly error: unknown } | undefined;
  children: Children | undefined;
  stopCause: TerminationCause | undefined;

  private readonly make: () => Behaviour<unknown>;
  private readonly options: SpawnOptions;
  private phase: Phase = "created";
  private isQueued = false;
  private behaviour: Behaviour<unknown> | undefined;
  private context: ActorContext | undefined;
  private mailbox: Mailbox | undefined;
  private watchers: Set<Watcher> | undefined;
  private owned: Belongings | undefined;
  private supervisor: Supervisor | undefined;
  private restartDelayMs = 0;
  private backoff: Cancel | undefined;

  constructor(
    host: Host,
    parent: Parent,
    name: string,
    make: () => Behaviour<unknown>,
    options: SpawnOptions = DEFAULTS,
  ) {
    this.host = host;
    this.parent = parent;
    this.name = name;
    this.make = make;
    this.options = options;
    this.ref = new LocalRef<never>(this);
    host.counters.spawned++;
    host.counters.living++;
    this.wake();
  }

  get path(): string {
    return `${this.parent.path}/${this.name}`;
  }

  get state(): ActorState {
    if (this.phase !== "unwinding") return this.phase;
    return this.stopCause === undefined ? "restarting" : "stopping";
  }

  get waiting(): number {
    return this.mailbox?.length ?? 0;
  }

  get hasEnded(): boolean {
    return this.phase === "stopped";
  }

  /** Whether it has a behaviour that may spawn, watch and set timers. */
  get isActive(): boolean {
    return this.phase === "ready" || this.phase === "busy" || this.phase === "starting";
  }

  // What others ask of the actor.

  /** Puts a message into the mailbox, or makes it a dead letter. */
  tell(message: unknown): Delivery {
    if (this.stopCause !== undefined) {
      this.host.deadLetters.report("terminated", this.path, message);
      return "terminated";
    }
    this.mailbox ??= new Mailbox();
    const admission = this.mailbox.offer(message, this.options.mailbox ?? DEFAULTS);
    if (admission.kind === "refused" || admission.kind === "overflowed") {
      this.host.deadLetters.report("mailboxFull", this.path, message);
      if (admission.kind === "overflowed") this.fail(new ActorError("overflow", "the mailbox is full"));
      return "full";
    }
    if (admission.kind === "evicted") this.host.deadLetters.report("evicted", this.path, admission.victim);
    this.wake();
    return "accepted";
  }

  post(notice: Notice): void {
    if (this.stopCause !== undefined) return;
    this.mailbox ??= new Mailbox();
    this.mailbox.post(notice);
    this.wake();
  }

  requestStop(cause: TerminationCause): void {
    if (this.stopCause !== undefined) return;
    this.stopCause = this.phase === "suspended" ? "failed" : cause;
    this.wake();
  }

  /** Lets the actor fail as if its handler had thrown, once the current one is done. */
  fail(error: unknown): void {
    if (this.failure !== undefined || !(this.isActive || this.phase === "created")) return;
    this.failure = { error };
    this.wake();
  }

  addWatcher(watcher: Watcher): void {
    this.watchers ??= new Set();
    this.watchers.add(watcher);
  }

  removeWatcher(watcher: Watcher): void {
    this.watchers?.delete(watcher);
  }

  /** Timers, subscriptions and watches of the present behaviour. */
  get belongings(): Belongings {
    this.owned ??= new Belongings();
    return this.owned;
  }

  spawn(name: string, make: () => Behaviour<unknown>, options?: SpawnOptions): Cell {
    if (!this.isActive) throw new ActorError("stopped", `${this.path} is ending and cannot spawn ${name}`);
    this.children ??= new Children();
    this.children.checkFree(name);
    const child = new Cell(this.host, this, name, make, options);
    this.children.add(child);
    return child;
  }

  childEnded(child: Cell): void {
    if (this.children?.remove(child) && this.phase === "unwinding") this.dispose();
  }

  childEscalated(_child: Cell, error: unknown): void {
    this.fail(error);
  }

  /** Drops what it owns, also where it will not end by itself. */
  release(): void {
    const { owned } = this;
    this.owned = undefined;
    owned?.release();
  }

  // Its turns.

  run(batch: number): number {
    this.isQueued = false;
    let steps = 1;
    if (this.phase === "created" && this.stopCause === undefined && this.failure === undefined) this.begin();
    while (this.hasWork() && steps <= batch) {
      steps++;
      if (this.stopCause !== undefined) this.unwind();
      else if (this.failure !== undefined) this.supervise(this.failure.error);
      else if (this.phase === "ready") this.handle();
      else break;
    }
    this.wake();
    return steps;
  }

  private wake(): void {
    if (this.isQueued || !this.hasWork()) return;
    this.isQueued = true;
    this.host.dispatcher.enqueue(this);
  }

  private hasWork(): boolean {
    switch (this.phase) {
      case "created":
        return true;
      case "ready":
        return this.waiting > 0 || this.stopCause !== undefined || this.failure !== undefined;
      case "suspended":
      case "backingOff":
        return this.stopCause !== undefined;
      default:
        return false;
    }
  }

  private begin(): void {
    this.phase = "starting";
    try {
      this.context ??= new ActorContext(this);
      this.behaviour = this.make();
      const pending = this.behaviour.started?.(this.context);
      if (pending instanceof Promise) this.awaitEnd(pending);
      else this.phase = "ready";
    } catch (error) {
      this.supervise(error);
    }
  }

  private handle(): void {
    try {
      let message = this.mailbox!.take();
      if (message instanceof Notice) {
        if (!message.isLive) return;
        message = message.redeem();
      }
      this.processed++;
      this.host.counters.processed++;
      const pending = this.behaviour!.receive(message, this.context!);
      if (pending instanceof Promise) {
        this.phase = "busy";
        this.awaitEnd(pending);
      }
    } catch (error) {
      this.supervise(error);
    }
  }

  private awaitEnd(pending: Promise<void>): void {
    pending.then(
      () => this.settled(),
      (error: unknown) => {
        this.failure = { error };
        this.settled();
      },
    );
  }

  private settled(): void {
    this.phase = "ready";
    this.wake();
  }

  // Its failures and its end.

  private supervise(error: unknown): void {
    this.supervisor ??= new Supervisor();
    const sentence = this.supervisor.judge(error, this.path, this.options.supervision ?? DEFAULTS, this.host);
    this.failure = { error };
    switch (sentence.kind) {
      case "restart":
        this.failure = undefined;
        this.restartDelayMs = sentence.delayMs;
        this.unwind();
        break;
      case "stop":
        this.stopCause ??= "failed";
        this.unwind();
        break;
      case "escalate":
        this.phase = "suspended";
        this.failure = { error: sentence.error };
        this.parent.childEscalated(this, sentence.error);
    }
  }

  /** The way out of a behaviour, to the end of the actor or to the next behaviour. */
  private unwind(): void {
    this.phase = "unwinding";
    this.backoff?.();
    this.backoff = undefined;
    this.release();
    if (this.children === undefined || !this.children.stopAll()) this.dispose();
  }

  private dispose(): void {
    const pending = this.callStopped();
    if (pending === undefined) return this.unwound();
    let isOver = false;
    const over = (): void => {
      if (isOver) return;
      isOver = true;
      cancel();
      this.unwound();
    };
    const cancel = this.host.clock.schedule(STOPPED_LIMIT_MS, () => {
      this.host.log.warn({ actor: this.path }, "actor took too long to stop: it is waited for no longer");
      over();
    });
    pending.then(over, (error: unknown) => {
      this.logStopFailure(error);
      over();
    });
  }

  private callStopped(): Promise<void> | undefined {
    const { behaviour } = this;
    this.behaviour = undefined;
    try {
      return behaviour?.stopped?.(this.context!) ?? undefined;
    } catch (error) {
      this.logStopFailure(error);
      return undefined;
    }
  }

  private logStopFailure(error: unknown): void {
    this.host.log.error({ actor: this.path, error }, "actor failed while it stopped");
  }

  private unwound(): void {
    if (this.stopCause !== undefined) return this.finish(this.stopCause);
    this.restarts++;
    this.host.counters.restarts++;
    if (this.restartDelayMs === 0) return this.recreate();
    this.phase = "backingOff";
    this.backoff = this.host.clock.schedule(this.restartDelayMs, () => this.recreate());
  }

  private recreate(): void {
    this.backoff = undefined;
    this.phase = "created";
    this.wake();
  }

  private finish(cause: TerminationCause): void {
    this.phase = "stopped";
    this.host.counters.living--;
    const { mailbox, watchers } = this;
    this.mailbox = undefined;
    this.context = undefined;
    this.watchers = undefined;
    while (mailbox !== undefined && mailbox.length > 0) {
      const left = mailbox.take();
      if (!(left instanceof Notice)) this.host.deadLetters.report("terminated", this.path, left);
    }
    for (const watcher of watchers ?? []) watcher.ended(cause);
    this.parent.childEnded(this);
  }
}
