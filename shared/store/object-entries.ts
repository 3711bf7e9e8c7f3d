/**
 * The meta entries of a bucket, which decide what objects there are: read, and written by compare-and-set.
 *
 * An entry changes only from the sequence its writer has seen. A write without an answer is repeated until there is
 * one: once a repeat is stored or refused, the first one can't be stored any more, so the answer is definite.
 */
import { headers, type NatsConnection } from "nats";
import { MillraceError } from "../model/error.ts";
import { type AckInbox, WRONG_LAST_SEQUENCE } from "./ack-inbox.ts";
import { untilReady } from "./jetstream-request.ts";
import { encodeMeta, type ObjectMeta, type ObjectSubjects, parseMeta } from "./object-meta.ts";
import { lastMessage, lastMessageDirect, purgeMessages, type StoredBytes } from "./stream-messages.ts";

/** A meta entry and where it is stored. */
export interface Entry {
  readonly seq: number;
  readonly storedAtMs: number;
  readonly meta: ObjectMeta;
}

/** `overtaken`: somebody else has written since the expected sequence. */
export type WriteResult = { readonly kind: "stored"; readonly seq: number } | { readonly kind: "overtaken" };

/** Access to one bucket's stream by subject. */
export class ObjectEntries {
  readonly #connection: NatsConnection;
  readonly #acks: AckInbox;
  readonly #subjects: ObjectSubjects;

  constructor(connection: NatsConnection, acks: AckInbox, subjects: ObjectSubjects) {
    this.#connection = connection;
    this.#acks = acks;
    this.#subjects = subjects;
  }

  /** The entry of an object, as any replica has it: may be a moment old, and so missing. */
  async lookUp(name: string, signal?: AbortSignal): Promise<Entry | undefined> {
    return readEntry(name, await this.#lastDirect(this.#subjects.meta(name), signal));
  }

  /** The entry of an object, as the stream's leader has it. */
  async current(name: string, signal?: AbortSignal): Promise<Entry | undefined> {
    return readEntry(name, await this.#lastOfLeader(this.#subjects.meta(name), signal));
  }

  /** The last message of a subject: all of an object that has one chunk. */
  async lastChunk(nuid: string, signal?: AbortSignal): Promise<Uint8Array | undefined> {
    const subject = this.#subjects.chunks(nuid);
    const stored = (await this.#lastDirect(subject, signal)) ?? (await this.#lastOfLeader(subject, signal));
    return stored?.data;
  }

  /** Writes an entry in place of the one at `expectedSeq`; 0 when there was none. */
  async write(meta: ObjectMeta, expectedSeq: number, signal?: AbortSignal): Promise<WriteResult> {
    const conditions = headers();
    conditions.set("Nats-Expected-Last-Subject-Sequence", String(expectedSeq));
    conditions.set("Nats-Rollup", "sub");
    for (;;) {
      const answer = await this.#acks.published(this.#subjects.meta(meta.name), encodeMeta(meta), conditions);
      if (answer.kind === "stored") return answer;
      if (answer.kind === "refused") {
        if (answer.code !== WRONG_LAST_SEQUENCE) throw refusal(meta.name, answer.reason);
        const entry = await this.current(meta.name, signal);
        const mine = entry?.meta.nuid === meta.nuid && entry.meta.mtime === meta.mtime;
        return mine ? { kind: "stored", seq: entry.seq } : { kind: "overtaken" };
      }
      await untilReady(this.#connection, signal);
    }
  }

  /** Removes an object's chunks. */
  async purgeChunks(nuid: string, signal?: AbortSignal): Promise<void> {
    await this.#purge({ filter: this.#subjects.chunks(nuid) }, signal);
  }

  /** Removes the entry at this sequence unless it has been replaced. */
  async purgeEntry(name: string, seq: number, signal?: AbortSignal): Promise<void> {
    await this.#purge({ filter: this.#subjects.meta(name), upTo: seq }, signal);
  }

  #lastDirect(subject: string, signal?: AbortSignal): Promise<StoredBytes | undefined> {
    return lastMessageDirect(this.#connection, this.#subjects.stream, subject, signal);
  }

  #lastOfLeader(subject: string, signal?: AbortSignal): Promise<StoredBytes | undefined> {
    return lastMessage(this.#connection, this.#subjects.stream, subject, signal);
  }

  #purge(messages: { filter: string; upTo?: number }, signal?: AbortSignal): Promise<void> {
    return purgeMessages(this.#connection, this.#subjects.stream, messages, signal);
  }
}

/** The stream will not take it, however often it is tried. */
export function refusal(name: string, reason: string): MillraceError {
  return new MillraceError("unavailable", `object ${name} cannot be stored: ${reason}`, {
    fix: "Give the server more JetStream storage, or remove runs and artifacts that are no longer needed.",
  });
}

function readEntry(name: string, stored: StoredBytes | undefined): Entry | undefined {
  if (stored === undefined) return undefined;
  return { seq: stored.seq, storedAtMs: stored.storedAtMs, meta: parseMeta(name, stored.data) };
}
