/**
 * A JetStream stream as journal and event log need it. What is unanswered is published again under the same batch
 * and message id, once the server can be reached, until the stream says something. So is what finds the storage full.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { headers, type MsgHdrs } from "nats";
import type { Bus } from "../../shared/bus/connection.ts";
import { MillraceError } from "../../shared/model/error.ts";
import { type AckInbox, saysFull, WRONG_LAST_SEQUENCE } from "../../shared/store/ack-inbox.ts";
import { untilReady } from "../../shared/store/jetstream-request.ts";
import { lastMessage } from "../../shared/store/stream-messages.ts";
import {
  type StoredMessage,
  type SubjectReaderOptions,
  storedMessages,
} from "../../shared/store/subject-reader.ts";
import { TimeSlice } from "../../shared/store/time-slice.ts";
import type { Acknowledgement, OutgoingRecord, RecordStream, StoredRecord } from "./record-stream.ts";

/** Headers of what is stored; `docs/protocol.md` has them for others. */
const header = {
  batch: "Millrace-Batch",
  epoch: "Millrace-Epoch",
  expectedSeq: "Nats-Expected-Last-Subject-Sequence",
  messageId: "Nats-Msg-Id",
} as const;

const READ_WINDOW = 64;
const FULL_PAUSE_MS = 1_000;
/** More than our headers ever need. */
const HEADER_BYTES = 1_024;

export interface JetStreamRecordStreamOptions {
  /** Told each time that a record has to be published again. */
  readonly onRepeat?: (subject: string, reason: string) => void;
  /** Told that a stream has no room for a record, and why; with null when the record is stored. */
  readonly onFull?: (stream: string, reason: string | null) => void;
}

export class JetStreamRecordStream implements RecordStream {
  readonly #bus: Bus;
  readonly #stream: string;
  readonly #inbox: AckInbox;
  readonly #onRepeat: (subject: string, reason: string) => void;
  readonly #onFull: (stream: string, reason: string | null) => void;

  constructor(bus: Bus, stream: string, inbox: AckInbox, options: JetStreamRecordStreamOptions = {}) {
    this.#bus = bus;
    this.#stream = stream;
    this.#inbox = inbox;
    this.#onRepeat = options.onRepeat ?? (() => {});
    this.#onFull = options.onFull ?? (() => {});
  }

  async publish(record: OutgoingRecord): Promise<Acknowledgement> {
    const outgoing = toHeaders(record);
    this.#refuseTooLarge(record);
    for (let wasFull = false; ; ) {
      const answer = await this.#inbox.published(record.subject, record.payload, outgoing);
      const isFull = answer.kind === "refused" && saysFull(answer.code);
      if (isFull || (wasFull && answer.kind !== "lost")) {
        this.#onFull(this.#stream, isFull ? answer.reason : null);
        wasFull = isFull;
      }
      if (answer.kind === "stored") return answer;
      if (isFull) await sleep(FULL_PAUSE_MS);
      else if (answer.kind === "refused") {
        if (answer.code === WRONG_LAST_SEQUENCE) return { kind: "wrongSequence" };
        throw new MillraceError(
          "unavailable",
          `the stream ${this.#stream} refuses a message: ${answer.reason}`,
          {
            fix: "See the limits of the stream and of the server's JetStream, and allow more space.",
          },
        );
      }
      this.#onRepeat(record.subject, answer.reason);
      await untilReady(this.#bus.connection);
    }
  }

  async last(filter: string): Promise<StoredRecord | undefined> {
    const message = await lastMessage(this.#bus.connection, this.#stream, filter);
    return message && toRecord(message);
  }

  async lastOfEach(filter: string): Promise<StoredRecord[]> {
    const bySubject = new Map<string, StoredRecord>();
    for await (const record of this.#records({ subject: filter, lastOfEach: true })) {
      bySubject.set(record.subject, record);
    }
    return [...bySubject.values()];
  }

  read(subject: string, afterSeq = 0): AsyncIterable<StoredRecord> {
    return this.#records({ subject, fromSeq: afterSeq + 1 });
  }

  follow(filter: string, signal: AbortSignal): AsyncIterable<StoredRecord> {
    return this.#records({ subject: filter, lastOfEach: true, follow: true }, signal);
  }

  async *#records(
    what: Pick<SubjectReaderOptions, "subject" | "fromSeq" | "lastOfEach"> & { readonly follow?: boolean },
    signal?: AbortSignal,
  ): AsyncIterable<StoredRecord> {
    const reading = { stream: this.#stream, follow: false, window: READ_WINDOW, ...what };
    const slice = new TimeSlice();
    try {
      for await (const message of storedMessages(this.#bus.connection, reading, signal)) {
        yield toRecord(message);
        if (slice.isOver) await slice.rest();
      }
    } catch (cause) {
      // It was made before: a server that denies it has not read its streams yet, or has lost its disk.
      if (!(cause instanceof MillraceError) || cause.code !== "notFound") throw cause;
      throw new MillraceError("unavailable", cause.message, { fix: "See the log of nats-server.", cause });
    }
  }

  #refuseTooLarge({ subject, payload }: OutgoingRecord): void {
    const limit = this.#bus.maxPayload() - HEADER_BYTES;
    if (payload.length <= limit) return;
    throw new MillraceError("badInput", `${payload.length} bytes for ${subject}: a message holds ${limit}`, {
      fix: "Divide it, or store it as an object and name its digest.",
    });
  }
}

function toHeaders({ batch, epoch, expectedSeq, messageId }: OutgoingRecord): MsgHdrs {
  const made = headers();
  made.set(header.expectedSeq, String(expectedSeq));
  made.set(header.batch, batch);
  if (epoch > 0) made.set(header.epoch, String(epoch));
  if (messageId !== undefined) made.set(header.messageId, messageId);
  return made;
}

function toRecord({ subject, seq, headers: stored, data }: StoredMessage): StoredRecord {
  return {
    subject,
    seq,
    batch: stored?.get(header.batch) ?? "",
    epoch: Number(stored?.get(header.epoch) ?? ""),
    payload: data,
  };
}
