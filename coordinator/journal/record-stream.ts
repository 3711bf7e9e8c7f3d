/**
 * The few things journal and event log ask of a stream. JetStream does them for real, a model in simulations; what
 * is decided with them (`stream-journal.ts`, `stream-event-log.ts`) is the same code over both.
 */

export interface OutgoingRecord {
  readonly subject: string;
  readonly payload: Uint8Array;
  /** Sequence of the subject's last record, 0 for none: it is refused when another one is there. */
  readonly expectedSeq: number;
  /** Names this record for ever: found in what is stored, it proves that a repeat was not needed. */
  readonly batch: string;
  /** Term of the leader that writes. */
  readonly epoch: number;
  /** Lets the server drop a repeat by itself, within its window. */
  readonly messageId?: string;
}

export interface StoredRecord {
  readonly subject: string;
  readonly seq: number;
  readonly batch: string;
  readonly epoch: number;
  readonly payload: Uint8Array;
}

export type Acknowledgement =
  | { readonly kind: "stored"; readonly seq: number }
  /** The subject's last record is not the expected one. Nothing was stored by this attempt. */
  | { readonly kind: "wrongSequence" };

export interface RecordStream {
  /** Repeats until the stream answers; rejects only for what repeating can't mend. */
  publish(record: OutgoingRecord): Promise<Acknowledgement>;
  /** The last record of a subject, or of all that match, by the stream's leader: never by a replica that may lag. */
  last(filter: string): Promise<StoredRecord | undefined>;
  /** The last record of each subject that matches. */
  lastOfEach(filter: string): Promise<StoredRecord[]>;
  /** The subject's records behind a sequence (0: all), in order, up to its end at the time of the call. */
  read(subject: string, afterSeq?: number): AsyncIterable<StoredRecord>;
  /**
   * The last record of each subject that matches, then whatever is stored, until the signal; in order of storing. Across
   * a reconnect older records of a subject may come before its last one.
   */
  follow(filter: string, signal: AbortSignal): AsyncIterable<StoredRecord>;
}
