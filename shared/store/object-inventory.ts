/**
 * All that a bucket holds, message by message, and the removal of single messages: what a collector works with.
 *
 * A removal names a sequence, which is an entry or a chunk as it was read. An entry that has been announced again
 * meanwhile has another sequence, so it stays; whoever announces an entry that has just gone finds its
 * compare-and-set refused, and stores the object anew.
 */
import type { NatsConnection } from "nats";
import { z } from "zod";
import { MillraceError } from "../model/error.ts";
import { askJetStream } from "./jetstream-request.ts";
import { ObjectSubjects, parseMeta } from "./object-meta.ts";
import { type StoredMessage, type SubjectReaderOptions, storedMessages } from "./subject-reader.ts";

/** A meta entry as it stands in the stream. */
export interface ListedEntry {
  readonly seq: number;
  readonly storedAtMs: number;
  readonly name: string;
  readonly nuid: string;
  readonly bytes: number;
  /** It stands for an object that was removed. */
  readonly isRemoved: boolean;
}

/** A chunk as it stands in the stream, without its bytes. */
export interface ListedChunk {
  readonly seq: number;
  readonly storedAtMs: number;
  readonly nuid: string;
  readonly bytes: number;
}

const WINDOW = 512;
/** Servers say it in several ways. */
const notFoundCodes: ReadonlySet<number> = new Set([10037, 10043, 10057]);
const deletionSchema = z.object({ success: z.boolean() });

/** The inventory of one bucket, whose stream exists. Memory does not grow with the bucket. */
export class ObjectInventory {
  readonly #connection: NatsConnection;
  readonly #subjects: ObjectSubjects;

  constructor(connection: NatsConnection, bucket: string) {
    this.#connection = connection;
    this.#subjects = new ObjectSubjects(bucket);
  }

  /** The entries behind a sequence (0: all) as they are at the time of the call; an unreadable one is `corrupt`. */
  async *entries(afterSeq: number): AsyncGenerator<ListedEntry> {
    const listing = { subject: this.#subjects.metaAll(), fromSeq: afterSeq + 1 };
    for await (const { seq, storedAtMs, data } of this.#messages(listing)) {
      const { name, nuid, size, deleted } = parseMeta(`at ${seq}`, data);
      yield { seq, storedAtMs, name, nuid, bytes: size, isRemoved: deleted === true };
    }
  }

  async *chunks(): AsyncGenerator<ListedChunk> {
    const listing = { subject: this.#subjects.chunks("*"), headersOnly: true };
    for await (const { seq, storedAtMs, subject, headers } of this.#messages(listing)) {
      const nuid = subject.slice(subject.lastIndexOf(".") + 1);
      yield { seq, storedAtMs, nuid, bytes: Number(headers?.get("Nats-Msg-Size") ?? 0) };
    }
  }

  /** Removes one message; false when it is there no more. */
  async remove(seq: number): Promise<boolean> {
    const verb = `STREAM.MSG.DELETE.${this.#subjects.stream}`;
    const answer = await askJetStream(this.#connection, verb, { seq, no_erase: true }, deletionSchema);
    if (answer.kind === "done") return true;
    if (notFoundCodes.has(answer.code)) return false;
    throw new MillraceError(
      "unavailable",
      `stream ${this.#subjects.stream} refuses a removal: ${answer.reason}`,
      {
        fix: "See that the stream allows deleting, and these credentials too.",
      },
    );
  }

  #messages(
    listing: Pick<SubjectReaderOptions, "subject" | "fromSeq" | "headersOnly">,
  ): AsyncGenerator<StoredMessage> {
    const { stream } = this.#subjects;
    return storedMessages(this.#connection, { stream, follow: false, window: WINDOW, ...listing });
  }
}
