/** What a collection asks of the streams: JetStream does it for real, a model in tests. */
import type { ListedChunk, ListedEntry } from "../../shared/store/object-inventory.ts";
import type { Append, AppendResult, Entry } from "../journal/journal.ts";

/** The last sequences of the streams: whatever a run has left there by now is not above them. */
export interface Bounds {
  readonly journal: number;
  readonly events: number;
  readonly logs: number;
}

/** Everything repeats until the server answers. */
export interface CollectionStores {
  /** The server's clock: ages are told by it alone. */
  now(): Promise<number>;
  /** The highest epoch that was ever claimed, by the journal's leader. */
  leadingEpoch(): Promise<number>;
  /** The last entry of each run. */
  lastOfEachRun(): Promise<Entry[]>;
  append(append: Append): Promise<AppendResult>;
  /** All entries of a run's journal, in order, and whatever points at a snapshot of it. */
  runBytes(run: string): AsyncIterable<Uint8Array>;
  /** The bytes of an object, or nothing when there is none. */
  objectBytes(name: string): AsyncIterable<Uint8Array>;
  bounds(): Promise<Bounds>;
  /** Removes what a run has left in the streams up to the bounds: its journal last, so that what is left can be found. */
  removeRun(run: string, upTo: Bounds): Promise<void>;
  /** The entries behind a sequence, 0 for all. */
  entries(afterSeq: number): AsyncIterable<ListedEntry>;
  chunks(): AsyncIterable<ListedChunk>;
  /** Removes one message of the objects' stream; false when it is there no more. */
  removeObjectMessage(seq: number): Promise<boolean>;
}
