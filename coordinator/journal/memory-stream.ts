/**
 * A model of a JetStream stream, for simulations: what is stored is shared, each client has a connection of its own
 * that may lose acknowledgements or be cut. It does what the server does with an expected sequence and a message
 * id, in the order of the modelled version.
 */
import { MillraceError } from "../../shared/model/error.ts";
import type { Acknowledgement, OutgoingRecord, RecordStream, StoredRecord } from "./record-stream.ts";

export interface MemoryStreamOptions {
  /** Servers from 2.15 on check the expected sequence before the message id; older ones after. Default: after. */
  readonly sequenceFirst?: boolean;
}

/** What the server holds. It outlives the connections, as a server's disk outlives its clients. */
export class MemoryStream {
  readonly #sequenceFirst: boolean;
  readonly #bySubject = new Map<string, StoredRecord[]>();
  readonly #seqOfMessageId = new Map<string, number>();
  #lastSeq = 0;

  constructor(options: MemoryStreamOptions = {}) {
    this.#sequenceFirst = options.sequenceFirst ?? false;
  }

  /** The window in which repeats are recognised by their message id has passed. */
  forgetMessageIds(): void {
    this.#seqOfMessageId.clear();
  }

  store(record: OutgoingRecord): Acknowledgement {
    const repeated = record.messageId === undefined ? undefined : this.#seqOfMessageId.get(record.messageId);
    const expected = (this.last(record.subject)?.seq ?? 0) === record.expectedSeq;
    if (this.#sequenceFirst && !expected) return { kind: "wrongSequence" };
    if (repeated !== undefined) return { kind: "stored", seq: repeated };
    if (!expected) return { kind: "wrongSequence" };
    return { kind: "stored", seq: this.#add(record) };
  }

  last(subject: string): StoredRecord | undefined {
    return this.#bySubject.get(subject)?.at(-1);
  }

  lastOfEach(filter: string): StoredRecord[] {
    return [...this.#bySubject.values()].flatMap((records) => {
      const last = records.at(-1);
      return last !== undefined && matches(filter, last.subject) ? [last] : [];
    });
  }

  recordsOf(subject: string): StoredRecord[] {
    return [...(this.#bySubject.get(subject) ?? [])];
  }

  #add({ subject, payload, batch, epoch, messageId }: OutgoingRecord): number {
    this.#lastSeq += 1;
    // Copied, as a server would: what the writer does with its buffer afterwards changes nothing here.
    const stored = { subject, seq: this.#lastSeq, batch, epoch, payload: payload.slice() };
    const records = this.#bySubject.get(subject);
    if (records === undefined) this.#bySubject.set(subject, [stored]);
    else records.push(stored);
    if (messageId !== undefined) this.#seqOfMessageId.set(messageId, stored.seq);
    return stored.seq;
  }
}

/** Runs a step some time later; a simulation decides when. */
export type Later = (run: () => void) => void;

/** One client's way to the stream. Each step, the request's and the answer's, takes its time by `later`. */
export class MemoryConnection implements RecordStream {
  readonly #stream: MemoryStream;
  readonly #later: Later;
  readonly #waiting: (() => void)[] = [];
  #acknowledgementsToLose = 0;
  #state: "open" | "cut" | "closed" = "open";

  constructor(stream: MemoryStream, later: Later = queueMicrotask) {
    this.#stream = stream;
    this.#later = later;
  }

  /** The next `count` publishes are stored (or refused), and their answers lost; the client then repeats them. */
  loseAcknowledgements(count = 1): void {
    this.#acknowledgementsToLose += count;
  }

  /** No request reaches the stream until `mend`. */
  cut(): void {
    if (this.#state === "open") this.#state = "cut";
  }

  mend(): void {
    if (this.#state !== "cut") return;
    this.#state = "open";
    for (const resume of this.#waiting.splice(0)) this.#later(resume);
  }

  /** What is under way and what comes later is rejected. */
  close(): void {
    this.#state = "closed";
    for (const resume of this.#waiting.splice(0)) this.#later(resume);
  }

  async publish(record: OutgoingRecord): Promise<Acknowledgement> {
    for (;;) {
      const answer = await this.#ask(() => this.#stream.store(record));
      if (this.#acknowledgementsToLose === 0) return answer;
      this.#acknowledgementsToLose -= 1;
    }
  }

  last(subject: string): Promise<StoredRecord | undefined> {
    return this.#ask(() => this.#stream.last(subject));
  }

  lastOfEach(filter: string): Promise<StoredRecord[]> {
    return this.#ask(() => this.#stream.lastOfEach(filter));
  }

  async *read(subject: string): AsyncIterable<StoredRecord> {
    yield* await this.#ask(() => this.#stream.recordsOf(subject));
  }

  async #ask<T>(act: () => T): Promise<T> {
    await this.#step();
    while (this.#state === "cut") await new Promise<void>((resume) => this.#waiting.push(resume));
    if (this.#state === "closed") throw new MillraceError("unavailable", "the connection is closed");
    const answer = act();
    await this.#step();
    return answer;
  }

  #step(): Promise<void> {
    return new Promise((resume) => this.#later(resume));
  }
}

/** Whether the subject matches a filter whose tokens may be `*`. */
function matches(filter: string, subject: string): boolean {
  const wanted = filter.split(".");
  const tokens = subject.split(".");
  return (
    wanted.length === tokens.length &&
    wanted.every((token, index) => token === "*" || token === tokens[index])
  );
}
