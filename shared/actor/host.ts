import type { Cell } from "./cell.ts";
import type { ActorRef, Clock, Logger, Randomness, Transport } from "./contract.ts";
import type { DeadLetters } from "./dead-letters.ts";
import type { Watched, Watcher } from "./death-watch.ts";
import type { Dispatcher } from "./dispatcher.ts";

/** What happened in a system so far. Only `living` goes down. */
export interface Counters {
  spawned: number;
  living: number;
  /** Messages handed to a behaviour. */
  processed: number;
  failures: number;
  restarts: number;
  remoteSent: number;
  remoteReceived: number;
  deadLetters: number;
}

/** What the system is to its cells. */
export interface Host {
  readonly node: string;
  readonly clock: Clock;
  readonly randomness: Randomness;
  readonly log: Logger;
  readonly transport: Transport;
  readonly dispatcher: Dispatcher;
  readonly deadLetters: DeadLetters;
  readonly counters: Counters;
  readonly serialiseLocal: boolean;
  /** The message as it would arrive over a transport. */
  copy(message: unknown): unknown;
  /** The actor of this node that a ref names now. */
  resolve(ref: ActorRef<never>): Cell | undefined;
  /** Tells the watcher once of the end of what the ref names, until it is removed from what is returned. */
  watch(ref: ActorRef<never>, watcher: Watcher): Watched | undefined;
  /** Rejects with an `AskError` where no reply comes. */
  ask<R, T>(ref: ActorRef<T>, make: (replyTo: ActorRef<R>) => T, timeoutMs: number): Promise<R>;
}

/** What stands above an actor: another one, or the guardian of those at the top. */
export interface Parent {
  readonly path: string;
  childEnded(child: Cell): void;
  childEscalated(child: Cell, error: unknown): void;
}
