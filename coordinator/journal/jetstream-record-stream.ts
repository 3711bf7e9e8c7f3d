/**
 * A JetStream stream as journal and event log need it. What is unanswered is published again under the same batch
 * and message id, once the server can be reached, until the stream says something.
 */
import { headers, type MsgHdrs, MsgHdrsImpl } from "nats";
import { z } from "zod";
import type { Bus } from "../../shared/bus/connection.ts";
import { MillraceError } from "../../shared/model/error.ts";
import { type AckInbox, WRONG_LAST_SEQUENCE } from "../../shared/store/ack-inbox.ts";
import { askJetStream, untilReady } from "../../shared/store/jetstream-request.ts";
import { SubjectReader, type SubjectReaderOptions } from "../../shared/store/subject-reader.ts";
import type { Acknowledgement, OutgoingRecord, RecordStream, StoredRecord } from "./record-stream.ts";

/** Headers of what is stored; `docs/protocol.md` has them for others. */
const header = {
  batch: "Millrace-Batch",
  epoch: "Millrace-Epoch",
  expectedSeq: "Nats-Expected-Last-Subject-Sequence",
  messageId: "Nats-Msg-Id",
} as const;

const MESSAGE_NOT_FOUND = 10037;
const READ_WINDOW = 64;
/** More than our headers ever need. */
const HEADER_BYTES = 1_024;

/** The server leaves out what is empty. */
const lastMessageSchema = z.object({
  message: z.object({ seq: z.number(), hdrs: z.string().default(""), data: z.string().default("") }),
});

export interface JetStreamRecordStreamOptions {
  /** Told each time that a record has to be published again. */
  readonly onRepeat?: (subject: string, reason: string) => void;
}

export class JetStreamRecordStream implements RecordStream {
  readonly #bus: Bus;
  readonly #stream: string;
  readonly #inbox: AckInbox;
  readonly #onRepeat: (subject: string, reason: string) => void;

  constructor(bus: Bus, stream: string, inbox: AckInbox, options: JetStreamRecordStreamOptions = {}) {
    this.#bus = bus;
    this.#stream = stream;
    this.#inbox = inbox;
    this.#onRepeat = options.onRepeat ?? (() => {});
  }

  async publish(record: OutgoingRecord): Promise<Acknowledgement> {
    const outgoing = toHeaders(record);
    this.#refuseTooLarge(record);
    for (;;) {
      const answer = await this.#inbox.published(record.subject, record.payload, outgoing);
      if (answer.kind === "stored") return answer;
      if (answer.kind === "refused") {
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

  async last(subject: string): Promise<StoredRecord | undefined> {
    const verb = `STREAM.MSG.GET.${this.#stream}`;
    const answer = await askJetStream(
      this.#bus.connection,
      verb,
      { last_by_subj: subject },
      lastMessageSchema,
    );
    if (answer.kind === "done") {
      const { seq, hdrs, data } = answer.result.message;
      return toRecord(
        subject,
        seq,
        MsgHdrsImpl.decode(Buffer.from(hdrs, "base64")),
        Buffer.from(data, "base64"),
      );
    }
    if (answer.code === MESSAGE_NOT_FOUND) return undefined;
    throw new MillraceError("unavailable", `cannot read the stream ${this.#stream}: ${answer.reason}`, {
      fix: "See that JetStream runs and that these credentials may read the stream.",
    });
  }

  async lastOfEach(filter: string): Promise<StoredRecord[]> {
    const bySubject = new Map<string, StoredRecord>();
    for await (const record of this.#records({ subject: filter, lastOfEach: true })) {
      bySubject.set(record.subject, record);
    }
    return [...bySubject.values()];
  }

  read(subject: string): AsyncIterable<StoredRecord> {
    return this.#records({ subject });
  }

  async *#records(what: Pick<SubjectReaderOptions, "subject" | "lastOfEach">): AsyncIterable<StoredRecord> {
    const reader = new SubjectReader(this.#bus.connection, {
      stream: this.#stream,
      follow: false,
      window: READ_WINDOW,
      ...what,
    });
    try {
      for (;;) {
        const message = await reader.next();
        if (message === "end") return;
        if (message === "woken") continue;
        yield toRecord(message.subject, message.seq, message.headers, message.data);
      }
    } finally {
      reader.close();
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

function toRecord(
  subject: string,
  seq: number,
  stored: MsgHdrs | undefined,
  payload: Uint8Array,
): StoredRecord {
  return {
    subject,
    seq,
    batch: stored?.get(header.batch) ?? "",
    epoch: Number(stored?.get(header.epoch) ?? ""),
    payload,
  };
}
