/**
 * What an actor is made of, and what it is given. Everything an actor may do with the world outside is on its
 * Context: time, timers, ids, randomness, messages, subjects. So the same actors run over NATS and in a simulation.
 *
 * One message at a time per actor; messages from one sender to one receiver on the same node keep their order.
 */

export type Cancel = () => void;

/** Time and timers. The system clock outside, a virtual one in simulations. */
export interface Clock {
  /** Wall clock in milliseconds since the epoch, for people only: never compared across machines. */
  now(): number;
  /** Milliseconds of a clock that never jumps. */
  monotonicMs(): number;
  /** With a delay of 0 what has arrived meanwhile goes first. */
  schedule(delayMs: number, run: () => void): Cancel;
  /**
   * How long until the next of the ticks that come every so often. Ticks that come together wake an idle process once.
   * Where it is left out each timer has ticks of its own.
   */
  untilTick?(intervalMs: number): number;
}

export interface Randomness {
  /** A fresh token of 22 characters `[A-Za-z0-9]`. */
  id(): string;
  /** In [0, 1). */
  fraction(): number;
}

export interface Codec {
  encode(value: unknown): Uint8Array;
  /** Throws on anything that is not one whole encoded value. */
  decode(bytes: Uint8Array): unknown;
}

export type TransportStatus = "connected" | "disconnected";

/** Carries bytes between nodes by subject (`*` and a final `>` as in NATS). Delivery is at most once. */
export interface Transport {
  /** Lost in silence while not connected, and after `close`; throws only for a payload that could never be sent. */
  publish(subject: string, payload: Uint8Array): void;
  subscribe(subject: string, deliver: (payload: Uint8Array, subject: string) => void): Cancel;
  onStatus(listener: (status: TransportStatus) => void): Cancel;
  /** Resolves when all that was published before has reached the server. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

/** The address of an actor. A ref may be sent in a message and used on another node. */
export interface ActorRef<M> {
  readonly node: string;
  /** `/coordinator/runs/r1`. */
  readonly path: string;
  tell(message: M): void;
}

export type TerminationCause = "stopped" | "failed" | "nodeLost" | "notFound";

/** Said exactly once to each watcher of an actor that has ended. */
export interface Terminated {
  readonly node: string;
  readonly path: string;
  readonly cause: TerminationCause;
}

export type Overflow = "dropNewest" | "dropOldest" | "fail";

export interface MailboxOptions {
  /** Messages that may wait; the default is 10,000. */
  readonly capacity?: number;
  /** What becomes of a message too many; it is published as a dead letter in each case. Default `dropNewest`. */
  readonly overflow?: Overflow;
}

export type Directive = "restart" | "stop" | "escalate";

/** How a parent treats a child that threw. */
export interface Supervision {
  readonly decide?: (error: unknown) => Directive;
  /** Restarts allowed within the window; one more is escalated to the parent's own supervisor. */
  readonly maxRestarts?: number;
  readonly windowMs?: number;
  /** What one failure too many does. Default `escalate`; `stop` ends the child alone, its watchers hear `failed`. */
  readonly exhausted?: "escalate" | "stop";
  readonly backoff?: { readonly minMs: number; readonly maxMs: number };
}

export interface SpawnOptions {
  readonly mailbox?: MailboxOptions;
  readonly supervision?: Supervision;
}

/** What an actor does. A throw (or rejection) in any of these goes to the supervisor. */
export interface Behaviour<M> {
  started?(context: Context<M>): void | Promise<void>;
  receive(message: M, context: Context<M>): void | Promise<void>;
  /** Runs once after the last message, also before a restart makes a new behaviour; waited for up to 2 s. */
  stopped?(context: Context<M>): void | Promise<void>;
}

export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface Context<M> extends Pick<Clock, "now" | "monotonicMs">, Randomness {
  readonly self: ActorRef<M>;
  readonly log: Logger;
  /** Names are unique among living siblings; a taken one throws. */
  spawn<C>(name: string, make: () => Behaviour<C>, options?: SpawnOptions): ActorRef<C>;
  /** Stops this actor after the current message, or a child; children stop first. */
  stop(child?: ActorRef<never>): void;
  watch(ref: ActorRef<never>, toMessage: (terminated: Terminated) => M): void;
  unwatch(ref: ActorRef<never>): void;
  /** Sends itself a message later; gone when the actor stops or restarts. */
  after(delayMs: number, message: M): Cancel;
  every(intervalMs: number, message: M): Cancel;
  /** Delivers what arrives on a subject to the mailbox; `undefined` drops it. Ends with the actor. */
  subscribe(subject: string, toMessage: (payload: Uint8Array, subject: string) => M | undefined): Cancel;
  publish(subject: string, payload: Uint8Array): void;
  onTransport(toMessage: (status: TransportStatus) => M): Cancel;
  /** Sends `make(replyTo)` and resolves with the reply, or rejects with an AskError. */
  ask<R, T>(ref: ActorRef<T>, make: (replyTo: ActorRef<R>) => T, timeoutMs: number): Promise<R>;
  /** Brings the end of a promise back as a message; dropped when the actor has stopped meanwhile. */
  pipe<T>(promise: Promise<T>, done: (value: T) => M, failed: (error: unknown) => M): void;
  /** Publishes a refused message with its reason where operators see it. */
  deadLetter(reason: string, subject: string, payload: unknown): void;
}
