/**
 * A model of a JetStream stream, for simulations: what is stored is shared, each client has a connection of its own
 * that may lose acknowledgements or be cut. It does what the server does with an expected sequence and a message
 * id, in the order of the modelled version.
 *
 * Never kinder than the server: 1. a request that was under way when its connection was cut may be stored, and its
 * answer is lost; 2. a message id is known for the window only; 3. a full stream stores nothing until there is room;
 * 4. a sequence is not given twice, also after a purge. Acknowledged means stored, as with a killed server; a power cut
 * (`losePower`) takes the last records of all subjects, and their sequences are given again.
 */
import { matches } from "../../shared/actor/subject-pattern.ts";
import { MillraceError } from "../../shared/model/error.ts";
import type { Acknowledgement, OutgoingRecord, RecordStream, StoredRecord } from "./record-stream.ts";

export interface MemoryStreamOptions {
  /** Servers from 2.15 on check the expected sequence before the message id; older ones after. Default: after. */
  readonly sequenceFirst?: boolean;
  /** Time by which message ids are forgotten; without it they are known until `forgetMessageIds`. */
  readonly monotonicMs?: () => number;
}

/** JetStream's default window for repeats. */
const DUPLICATE_WINDOW_MS = 120_000;

/** What the server holds. It outlives the connections, as a server's disk outlives its clients. */
export class MemoryStream {
  /** Stores nothing more until there is room again. */
  isFull = false;
  readonly #sequenceFirst: boolean;
  readonly #monotonicMs: () => number;
  readonly #bySubject = new Map<string, StoredRecord[]>();
  readonly #messageIds = new Map<string, { readonly seq: number; readonly atMs: number }>();
  readonly #listeners: ((record: StoredRecord) => void)[] = [];
  readonly #purgeListeners: ((record: StoredRecord) => void)[] = [];
  readonly #followers = new Set<() => void>();
  #lastSeq = 0;

  constructor(options: MemoryStreamOptions = {}) {
    this.#sequenceFirst = options.sequenceFirst ?? false;
    this.#monotonicMs = options.monotonicMs ?? (() => 0);
  }

  /** The listener hears of each record as it is stored. */
  onStored(listener: (record: StoredRecord) => void): void {
    this.#listeners.push(listener);
  }

  /** The window in which repeats are recognised by their message id has passed. */
  forgetMessageIds(): void {
    this.#messageIds.clear();
  }

  store(record: OutgoingRecord): Acknowledgement | { readonly kind: "noRoom" } {
    const repeated = this.#repeated(record.messageId);
    const expected = (this.last(record.subject)?.seq ?? 0) === record.expectedSeq;
    if (this.#sequenceFirst && !expected) return { kind: "wrongSequence" };
    if (repeated !== undefined) return { kind: "stored", seq: repeated };
    if (!expected) return { kind: "wrongSequence" };
    if (this.isFull) return { kind: "noRoom" };
    return { kind: "stored", seq: this.#add(record) };
  }

  last(filter: string): StoredRecord | undefined {
    if (!filter.includes("*") && !filter.endsWith(">")) return this.#bySubject.get(filter)?.at(-1);
    return this.lastOfEach(filter).reduce<StoredRecord | undefined>(
      (latest, record) => (latest === undefined || record.seq > latest.seq ? record : latest),
      undefined,
    );
  }

  lastOfEach(filter: string): StoredRecord[] {
    return [...this.#bySubject.values()].flatMap((records) => {
      const last = records.at(-1);
      return last !== undefined && isMatch(filter, last.subject) ? [last] : [];
    });
  }

  recordsOf(subject: string): StoredRecord[] {
    return [...(this.#bySubject.get(subject) ?? [])];
  }

  /** Of the last record stored, also when it was purged. */
  get lastSeq(): number {
    return this.#lastSeq;
  }

  /** What matches and was stored behind a sequence. */
  recordsBehind(filter: string, seq: number): StoredRecord[] {
    return [...this.#bySubject.entries()].flatMap(([subject, records]) =>
      isMatch(filter, subject) ? records.filter((record) => record.seq > seq) : [],
    );
  }

  /** Resolves when something is stored behind the sequence, or at the signal. */
  async storedBehind(seq: number, signal: AbortSignal): Promise<void> {
    if (this.#lastSeq > seq || signal.aborted) return;
    await new Promise<void>((resolve) => {
      const end = (): void => {
        signal.removeEventListener("abort", end);
        resolve();
      };
      this.#followers.add(end);
      signal.addEventListener("abort", end);
    });
  }

  /** The listener hears of each record as it is purged. */
  onPurged(listener: (record: StoredRecord) => void): void {
    this.#purgeListeners.push(listener);
  }

  /** Removes the records of a subject up to a sequence. */
  purge(subject: string, upTo: number = Number.POSITIVE_INFINITY): void {
    const records = this.recordsOf(subject);
    const kept = records.filter(({ seq }) => seq > upTo);
    if (kept.length === 0) this.#bySubject.delete(subject);
    else this.#bySubject.set(subject, kept);
    for (const record of records) {
      if (record.seq <= upTo) for (const listener of this.#purgeListeners) listener(record);
    }
  }

  /** A power cut: whatever was stored behind this sequence had not reached the disk. */
  losePower(keptSeq: number): void {
    for (const [subject, records] of this.#bySubject) {
      const kept = records.filter(({ seq }) => seq <= keptSeq);
      if (kept.length === 0) this.#bySubject.delete(subject);
      else this.#bySubject.set(subject, kept);
    }
    this.#lastSeq = Math.min(this.#lastSeq, keptSeq);
    this.forgetMessageIds();
    this.#wakeFollowers();
  }

  #repeated(messageId: string | undefined): number | undefined {
    if (messageId === undefined) return undefined;
    const known = this.#messageIds.get(messageId);
    if (known === undefined || this.#monotonicMs() - known.atMs > DUPLICATE_WINDOW_MS) return undefined;
    return known.seq;
  }

  #add({ subject, payload, batch, epoch, messageId }: OutgoingRecord): number {
    this.#lastSeq += 1;
    // Copied, as a server would: what the writer does with its buffer afterwards changes nothing here.
    const stored = { subject, seq: this.#lastSeq, batch, epoch, payload: payload.slice() };
    const records = this.#bySubject.get(subject);
    if (records === undefined) this.#bySubject.set(subject, [stored]);
    else records.push(stored);
    if (messageId !== undefined) {
      this.#messageIds.set(messageId, { seq: stored.seq, atMs: this.#monotonicMs() });
    }
    for (const listener of this.#listeners) listener(stored);
    this.#wakeFollowers();
    return stored.seq;
  }

  #wakeFollowers(): void {
    for (const end of this.#followers) end();
    this.#followers.clear();
  }
}

/** What a step is part of: a request on its way, one sent a second time, the answer, or the wait before a repeat. */
export type Leg = "request" | "straggler" | "answer" | "repeat";

/** Runs a step some time later; a simulation decides when. */
export type Later = (run: () => void, leg: Leg) => void;

/** One client's way to the stream. Each step, the request's and the answer's, takes its time by `later`. */
export class MemoryConnection implements RecordStream {
  /** Answers lost so far. */
  lost = 0;
  readonly #stream: MemoryStream;
  readonly #later: Later;
  readonly #waiting: (() => void)[] = [];
  #acknowledgementsToLose = 0;
  #publishesToDouble = 0;
  #state: "open" | "cut" | "closed" = "open";
  /** Rises with each cut: what was under way in an earlier session gets no answer. */
  #session = 0;

  constructor(stream: MemoryStream, later: Later = queueMicrotask) {
    this.#stream = stream;
    this.#later = later;
  }

  /** The next `count` publishes are stored (or refused), and their answers lost; the client then repeats them. */
  loseAcknowledgements(count = 1): void {
    this.#acknowledgementsToLose += count;
  }

  /** The next `count` publishes are sent twice, as by a client that takes a slow answer for a lost one. */
  doublePublishes(count = 1): void {
    this.#publishesToDouble += count;
  }

  /** No request reaches the stream until `mend`, and no answer comes to what is under way. */
  cut(): void {
    if (this.#state !== "open") return;
    this.#state = "cut";
    this.#session += 1;
  }

  mend(): void {
    if (this.#state !== "cut") return;
    this.#state = "open";
    this.#resume();
  }

  /** What is under way and what comes later is rejected. */
  close(): void {
    this.#state = "closed";
    this.#resume();
  }

  async publish(record: OutgoingRecord): Promise<Acknowledgement> {
    for (;;) {
      if (this.#publishesToDouble > 0) {
        this.#publishesToDouble -= 1;
        this.#later(() => this.#stream.store(record), "straggler");
      }
      const answer = await this.ask(() => this.#stream.store(record));
      if (answer.kind === "noRoom") await this.#step("repeat");
      else if (this.#acknowledgementsToLose === 0) return answer;
      else this.#loseOne();
    }
  }

  last(subject: string): Promise<StoredRecord | undefined> {
    return this.ask(() => this.#stream.last(subject));
  }

  lastOfEach(filter: string): Promise<StoredRecord[]> {
    return this.ask(() => this.#stream.lastOfEach(filter));
  }

  async *read(subject: string, afterSeq = 0): AsyncIterable<StoredRecord> {
    const records = await this.ask(() => this.#stream.recordsOf(subject));
    yield* records.filter(({ seq }) => seq > afterSeq);
  }

  async *follow(filter: string, signal: AbortSignal): AsyncIterable<StoredRecord> {
    let seq = 0;
    for (let isFirst = true; !signal.aborted; isFirst = false) {
      const read = seq;
      const found = await this.ask(() => {
        // After a power cut the stream goes on from an earlier place.
        const behind = Math.min(read, this.#stream.lastSeq);
        const all = isFirst ? this.#stream.lastOfEach(filter) : this.#stream.recordsBehind(filter, behind);
        return { records: all.sort((one, other) => one.seq - other.seq), lastSeq: this.#stream.lastSeq };
      });
      yield* found.records;
      seq = found.lastSeq;
      await this.#stream.storedBehind(seq, signal);
    }
  }

  /** Asks until there is an answer: what has no answer may have been done. */
  async ask<T>(act: () => T): Promise<T> {
    for (;;) {
      while (this.#state === "cut") await new Promise<void>((resume) => this.#waiting.push(resume));
      if (this.#state === "closed") throw new MillraceError("unavailable", "the connection is closed");
      const session = this.#session;
      await this.#step("request");
      const answer = act();
      await this.#step("answer");
      if (this.#session === session) return answer;
      this.lost += 1;
    }
  }

  #loseOne(): void {
    this.#acknowledgementsToLose -= 1;
    this.lost += 1;
  }

  #step(leg: Leg): Promise<void> {
    return new Promise((resume) => this.#later(resume, leg));
  }

  #resume(): void {
    for (const resume of this.#waiting.splice(0)) this.#later(resume, "repeat");
  }
}

function isMatch(filter: string, subject: string): boolean {
  return matches(filter.split("."), subject.split("."));
}
