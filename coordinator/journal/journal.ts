/**
 * The journal: what was decided, in order, one subject per run. The truth of Millrace; everything else can be made
 * from it. Behind this interface is JetStream, or a model of it in simulations.
 */

import type { Claim } from "../core/election.ts";

/** One stored append: a batch of encoded records. */
export interface Entry {
  readonly run: string;
  /** Sequence in the stream; the next append to this run expects it. */
  readonly seq: number;
  readonly epoch: number;
  readonly payload: Uint8Array;
}

/** What one who follows the journal comes across. */
export type JournalItem =
  | { readonly kind: "entry"; readonly seq: number; readonly entry: Entry }
  | { readonly kind: "claim"; readonly seq: number; readonly epoch: number };

export interface Append {
  readonly run: string;
  readonly epoch: number;
  /** Unique per append; the same one again is stored once. */
  readonly batch: string;
  /** Sequence of the run's last entry, 0 for none. */
  readonly expectedSeq: number;
  readonly payload: Uint8Array;
}

/** Someone else has written: the run's subject is at another sequence, by the given epoch. */
export interface Conflict {
  readonly kind: "conflict";
  readonly seq: number;
  readonly epoch: number;
}

export type AppendResult = { readonly kind: "stored"; readonly seq: number } | Conflict;

export interface Journal {
  /**
   * Stores one batch. Repeats by itself, with the same batch id, until the server answers; so it resolves late
   * rather than rejects when the server is away. Rejects only for what repeating can't mend (stream full, closed).
   */
  append(append: Append): Promise<AppendResult>;
  /** The epoch that was claimed last, 0 for none. Read from the stream's leader at the time of the call. */
  lastEpoch(): Promise<number>;
  /** Takes the epoch after `above`, or after `known`; loses when somebody has claimed a higher one than `known`. */
  claimEpoch(node: string, known: number, above?: number): Promise<Claim>;
  /**
   * Whether what was stored or followed here last is there no more: a power cut has taken what was acknowledged, and
   * perhaps more of it. Asked again, it answers of what came after that.
   */
  hasLost(): Promise<boolean>;
  /** Whether there is anything of a run. Read from the stream's leader; rejects when that does not answer. */
  has(run: string): Promise<boolean>;
  /** The last entry of each run, in no order: enough to tell ended runs from living ones. */
  lastOfEachRun(): Promise<Entry[]>;
  /** The entries of one run behind a sequence (0: all), in order, up to its end at the time of the call. */
  read(run: string, afterSeq?: number): AsyncIterable<Entry>;
  /** Sequence of the last thing stored, entry or claim, 0 for none. Read from the stream's leader. */
  lastSeq(): Promise<number>;
  /** The last entry of each run and the last claim, then everything new, in order, until the signal. */
  follow(signal: AbortSignal): AsyncIterable<JournalItem>;
}

/** Stores a run's events after their append, and tells how far they had come. */
export interface EventLog {
  /** One durable message with these events, JSON; repeats until stored. The first event's `seq` dedupes it. */
  store(run: string, firstSeq: number, events: readonly object[]): Promise<void>;
  /** `seq` of the last stored event of a run, 0 for none. */
  lastSeq(run: string): Promise<number>;
  /** Whether the last stored event is the run's end; `nothing` when there is none. */
  ending(run: string): Promise<"told" | "untold" | "nothing">;
  storeFleet(events: readonly object[]): Promise<void>;
}
