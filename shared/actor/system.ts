import { checkAddress, checkName } from "./address.ts";
import { Questions } from "./ask.ts";
import type { Cell } from "./cell.ts";
import type { Children } from "./children.ts";
import type {
  ActorRef,
  Behaviour,
  Cancel,
  Clock,
  Logger,
  Randomness,
  Terminated,
  TerminationCause,
  Transport,
} from "./contract.ts";
import { type DeadLetter, DeadLetters } from "./dead-letters.ts";
import type { Watched, Watcher } from "./death-watch.ts";
import { Dispatcher } from "./dispatcher.ts";
import { Guardian, type TopLevelOptions } from "./guardian.ts";
import type { Counters, Host } from "./host.ts";
import { type ActorSnapshot, type InspectionLimits, inspect } from "./inspector.ts";
import type { MessageCodec } from "./message-codec.ts";
import type { NodeMessage } from "./node-message.ts";
import { PostOffice } from "./post-office.ts";
import { AddressRef, LocalRef } from "./ref.ts";
import { RemoteWatches } from "./remote-watches.ts";
import { WatchedActors } from "./watched-actors.ts";

export interface ActorSystemOptions {
  /** Encode and decode messages between actors of this node too, as if they travelled. Default false. */
  readonly serialiseLocal?: boolean;
  /** Messages after which input from outside has its turn, where time stands still. Default 20,000. */
  readonly sliceMessages?: number;
  /**
   * Takes messages of other nodes to its actors. Whoever may publish to the node may then send them anything; without it
   * such messages are dead letters. Default true.
   */
  readonly takesRemote?: boolean;
  /** Dead letters published a second; the rest is only counted. Default 20. */
  readonly deadLettersPerSecond?: number;
  /** Between two signs of life asked of a node with a watched actor. Default 2,000. */
  readonly pingMs?: number;
  /** Silence after which such a node counts as lost. Default 10,000. */
  readonly nodeTimeoutMs?: number;
}

export interface ActorSystemSettings {
  /** Name of this node, one token of a subject. */
  readonly node: string;
  readonly transport: Transport;
  readonly clock: Clock;
  readonly randomness: Randomness;
  readonly codec: MessageCodec;
  readonly log: Logger;
  /** `millrace.<namespace>._.actor`. */
  readonly subjectRoot: string;
  readonly deadLetterSubject: string;
  readonly options?: ActorSystemOptions;
}

/** How a shutdown went: the paths of actors that had not ended by its deadline. */
export interface StopReport {
  readonly unfinished: readonly string[];
}

/** The actors of one node. */
export interface ActorSystem {
  readonly node: string;
  /** New for each start of the node. */
  readonly incarnation: string;
  readonly counters: Readonly<Counters>;
  spawn<M>(name: string, make: () => Behaviour<M>, options?: TopLevelOptions): ActorRef<M>;
  /** A ref to whoever lives at an address, on this node or another. */
  refTo<M>(node: string, path: string): ActorRef<M>;
  /** Asks from outside of any actor. */
  ask<R, T>(ref: ActorRef<T>, make: (replyTo: ActorRef<R>) => T, timeoutMs: number): Promise<R>;
  /** Resolves when what the ref names has ended. */
  whenTerminated(ref: ActorRef<never>): Promise<Terminated>;
  /** Stops one actor of this node and all below it. */
  stopActor(ref: ActorRef<never>): void;
  tree(limits?: InspectionLimits): readonly ActorSnapshot[];
  /** Reports a message that was refused before it reached an actor. */
  deadLetter(reason: string, subject: string, payload: unknown): void;
  /** Dead letters of this node so far, by reason. */
  deadLetterCounts(): [reason: string, count: number][];
  /** Lets the listener hear of each dead letter of this node. */
  onDeadLetter(listener: (letter: DeadLetter) => void): Cancel;
  /** Stops all actors, children first, youngest first. The transport stays open. */
  stop(limit: { readonly timeoutMs: number }): Promise<StopReport>;
}

/** Starts a node: from now on it takes messages for its actors. */
export function createActorSystem(settings: ActorSystemSettings): ActorSystem {
  return new LocalSystem(settings);
}

class LocalSystem implements ActorSystem, Host {
  readonly node: string;
  readonly incarnation: string;
  readonly clock: Clock;
  readonly randomness: Randomness;
  readonly log: Logger;
  readonly transport: Transport;
  readonly dispatcher: Dispatcher;
  readonly deadLetters: DeadLetters;
  readonly serialiseLocal: boolean;
  readonly counters: Counters = {
    spawned: 0,
    living: 0,
    processed: 0,
    failures: 0,
    restarts: 0,
    remoteSent: 0,
    remoteReceived: 0,
    deadLetters: 0,
  };
  private readonly codec: MessageCodec;
  private readonly guardian = new Guardian();
  private readonly questions: Questions;
  private readonly post: PostOffice;
  private readonly remoteWatches: RemoteWatches;
  private readonly watchedActors: WatchedActors;
  private readonly cancelStatus: Cancel;
  private stopping: Promise<StopReport> | undefined;

  constructor(settings: ActorSystemSettings) {
    const { node, clock, transport, options = {} } = settings;
    const { deadLettersPerSecond = 20, pingMs = 2_000, nodeTimeoutMs = 10_000 } = options;
    const { takesRemote = true } = options;
    checkName(node);
    this.node = node;
    this.clock = clock;
    this.randomness = settings.randomness;
    this.log = settings.log;
    this.transport = transport;
    this.incarnation = settings.randomness.id();
    this.serialiseLocal = options.serialiseLocal ?? false;
    this.dispatcher = new Dispatcher(clock, options.sliceMessages);
    this.codec = settings.codec.withRefs((refNode, path) => new AddressRef<never>(this.post, refNode, path));
    this.questions = new Questions(this.incarnation, clock);
    this.deadLetters = new DeadLetters({
      node,
      subject: settings.deadLetterSubject,
      perSecond: deadLettersPerSecond,
      clock,
      transport,
      counters: this.counters,
      log: settings.log,
    });
    const identity = { node, incarnation: this.incarnation, clock };
    const send = (to: string, message: NodeMessage): void => this.post.sendToNode(to, message);
    this.remoteWatches = new RemoteWatches({ ...identity, pingMs, nodeTimeoutMs, send });
    this.watchedActors = new WatchedActors({
      ...identity,
      forgetMs: 3 * nodeTimeoutMs,
      find: (path) => this.find(path),
      send,
    });
    this.post = new PostOffice({
      node,
      subjectRoot: settings.subjectRoot,
      transport,
      codec: this.codec,
      serialiseLocal: this.serialiseLocal,
      takesRemote,
      questions: this.questions,
      deadLetters: this.deadLetters,
      counters: this.counters,
      log: settings.log,
      find: (path) => this.find(path),
      onNodeMessage: (message) =>
        message.kind === "watchList"
          ? this.watchedActors.onWatchList(message)
          : this.remoteWatches.onEndList(message),
    });
    this.cancelStatus = transport.onStatus((status) =>
      this.remoteWatches.onConnection(status === "connected"),
    );
  }

  // What it is to its user.

  spawn<M>(name: string, make: () => Behaviour<M>, options: TopLevelOptions = {}): ActorRef<M> {
    return this.guardian.spawn(this, name, make as () => Behaviour<unknown>, options).ref as ActorRef<M>;
  }

  refTo<M>(node: string, path: string): ActorRef<M> {
    checkAddress(node, path);
    return new AddressRef<M>(this.post, node, path);
  }

  whenTerminated(ref: ActorRef<never>): Promise<Terminated> {
    return new Promise((resolve) => {
      const { node, path } = ref;
      this.watch(ref, { ended: (cause: TerminationCause) => resolve({ node, path, cause }) });
    });
  }

  stopActor(ref: ActorRef<never>): void {
    this.resolve(ref)?.requestStop("stopped");
  }

  tree(limits?: InspectionLimits): readonly ActorSnapshot[] {
    return inspect(this.guardian.children.values(), limits);
  }

  deadLetter(reason: string, subject: string, payload: unknown): void {
    this.deadLetters.report(reason, subject, payload);
  }

  deadLetterCounts(): [reason: string, count: number][] {
    return this.deadLetters.counts();
  }

  onDeadLetter(listener: (letter: DeadLetter) => void): Cancel {
    return this.deadLetters.listen(listener);
  }

  stop({ timeoutMs }: { readonly timeoutMs: number }): Promise<StopReport> {
    this.stopping ??= new Promise<StopReport>((resolve) => {
      const end = (): void => {
        cancelDeadline();
        resolve(this.close());
      };
      const cancelDeadline = this.clock.schedule(timeoutMs, end);
      this.guardian.stop(end);
    });
    return this.stopping;
  }

  // What it is to its cells.

  copy(message: unknown): unknown {
    return this.codec.decode(this.codec.encode(message));
  }

  resolve(ref: ActorRef<never>): Cell | undefined {
    if (ref instanceof LocalRef && ref.cell.host === this) return ref.cell;
    return ref.node === this.node ? this.find(ref.path) : undefined;
  }

  watch(ref: ActorRef<never>, watcher: Watcher): Watched | undefined {
    if (ref.node !== this.node) return this.remoteWatches.add(ref.node, ref.path, watcher);
    const cell = this.resolve(ref);
    if (cell === undefined || cell.hasEnded) {
      watcher.ended("notFound");
      return undefined;
    }
    cell.addWatcher(watcher);
    return cell;
  }

  ask<R, T>(ref: ActorRef<T>, make: (replyTo: ActorRef<R>) => T, timeoutMs: number): Promise<R> {
    const question = this.questions.ask(ref, timeoutMs);
    question.watches(this.watch(ref, question));
    if (question.isOpen) {
      try {
        const message = make(new AddressRef<R>(this.post, this.node, question.path));
        const cell = this.resolve(ref);
        if (cell === undefined) ref.tell(message);
        else if (cell.tell(this.serialiseLocal ? this.copy(message) : message) === "full") {
          question.refuse("mailboxFull", "has no room for the question");
        }
      } catch (error) {
        question.fail(error);
      }
    }
    return question.reply as Promise<R>;
  }

  private find(path: string): Cell | undefined {
    let { children }: { children: Children | undefined } = this.guardian;
    let cell: Cell | undefined;
    for (const name of path.slice(1).split("/")) {
      cell = children?.get(name);
      if (cell === undefined) return undefined;
      children = cell.children;
    }
    return cell;
  }

  /** Cuts the node off; what has not ended keeps no timer and no subscription. */
  private close(): StopReport {
    const unfinished: string[] = [];
    abandon(this.guardian.children, unfinished);
    this.watchedActors.close();
    this.remoteWatches.close();
    this.cancelStatus();
    this.post.close();
    return { unfinished };
  }
}

function abandon(children: Children | undefined, unfinished: string[]): void {
  for (const cell of children?.values() ?? []) {
    unfinished.push(cell.path);
    cell.release();
    abandon(cell.children, unfinished);
  }
}
