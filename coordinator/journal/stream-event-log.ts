/**
 * The event log over a stream: one subject per run, one message per commit, a JSON array of events each.
 *
 * Messages are stored by compare-and-set like the journal's entries, so the raw stream itself has every event once
 * and in order, for readers that know nothing of us. After a refusal the last message tells how far the log has
 * come, and only what is missing is stored. Two leaders may both store for a while: both project the same journal,
 * so an event of one number is the same event whoever stores it.
 *
 * Invariants of a run's subject: 1. the first event's `seq` is 1; 2. each next event's is one more; 3. no message is
 * larger than `MAX_MESSAGE_BYTES` unless a single event is.
 */
import { randomUUID } from "node:crypto";
import type { Subjects } from "../../shared/bus/subjects.ts";
import { MillraceError } from "../../shared/model/error.ts";
import type { EventLog } from "./journal.ts";
import type { RecordStream, StoredRecord } from "./record-stream.ts";

/** Well below the server's usual limit of 1 MiB, so that readers need little memory. */
const MAX_MESSAGE_BYTES = 256 * 1024;

/** Where a subject ends: sequence of its last message, number of its last event. */
interface End {
  readonly seq: number;
  readonly lastEvent: number;
}

const START: End = { seq: 0, lastEvent: 0 };

export interface StreamEventLogOptions {
  readonly newId?: () => string;
}

/** The event log of one namespace over any stream. Stores of one run go one after the other. */
export class StreamEventLog implements EventLog {
  readonly #stream: RecordStream;
  readonly #subjects: Subjects;
  readonly #newId: () => string;
  /** Ends of the subjects in use: of runs that have not finished. */
  readonly #ends = new Map<string, End>();
  readonly #queues = new Map<string, Promise<void>>();

  constructor(stream: RecordStream, subjects: Subjects, options: StreamEventLogOptions = {}) {
    this.#stream = stream;
    this.#subjects = subjects;
    this.#newId = options.newId ?? randomUUID;
  }

  store(run: string, firstSeq: number, events: readonly object[]): Promise<void> {
    return this.#inOrder(this.#subjects.runEvents(run), (subject) =>
      this.#storeRun(subject, firstSeq, events),
    );
  }

  async lastSeq(run: string): Promise<number> {
    return (await this.#findEnd(this.#subjects.runEvents(run))).lastEvent;
  }

  async ending(run: string): Promise<"told" | "untold" | "nothing"> {
    const last = await this.#stream.last(this.#subjects.runEvents(run));
    if (last === undefined) return "nothing";
    return isRunsLast(lastIn(last)) ? "told" : "untold";
  }

  storeFleet(events: readonly object[]): Promise<void> {
    return this.#inOrder(this.#subjects.fleetEvents(), (subject) => this.#storeFleet(subject, events));
  }

  async #storeRun(subject: string, firstSeq: number, events: readonly object[]): Promise<void> {
    let end = firstSeq === 1 ? START : this.#ends.get(subject);
    // Another leader may have gone on meanwhile: a gap behind a remembered end may be none.
    if (end === undefined || end.lastEvent + 1 < firstSeq) end = await this.#findEnd(subject);
    const total = firstSeq + events.length - 1;
    while (end.lastEvent < total) {
      if (end.lastEvent + 1 < firstSeq) throw gap(subject, end.lastEvent, firstSeq);
      const { payload, count } = encode(events, end.lastEvent + 1 - firstSeq);
      const answer = await this.#publish(subject, payload, end.seq, this.#newId());
      end =
        answer.kind === "stored"
          ? { seq: answer.seq, lastEvent: end.lastEvent + count }
          : await this.#findEnd(subject);
    }
    if (isRunsLast(events.at(-1))) this.#ends.delete(subject);
    else this.#ends.set(subject, end);
  }

  async #storeFleet(subject: string, events: readonly object[]): Promise<void> {
    let stored = 0;
    while (stored < events.length) {
      const { payload, count } = encode(events, stored);
      await this.#storeOnce(subject, payload, this.#newId());
      stored += count;
    }
  }

  async #storeOnce(subject: string, payload: Uint8Array, batch: string): Promise<void> {
    for (let seq = this.#ends.get(subject)?.seq ?? 0; ; ) {
      const answer = await this.#publish(subject, payload, seq, batch);
      const last = answer.kind === "stored" ? undefined : await this.#stream.last(subject);
      seq = answer.kind === "stored" ? answer.seq : (last?.seq ?? 0);
      this.#ends.set(subject, { seq, lastEvent: 0 });
      if (answer.kind === "stored" || last?.batch === batch) return;
    }
  }

  #publish(subject: string, payload: Uint8Array, expectedSeq: number, batch: string) {
    return this.#stream.publish({ subject, payload, expectedSeq, batch, epoch: 0 });
  }

  async #findEnd(subject: string): Promise<End> {
    const last = await this.#stream.last(subject);
    return last === undefined ? START : { seq: last.seq, lastEvent: lastEventOf(last) };
  }

  /** Runs the task after all earlier ones of this subject, also after failed ones. */
  #inOrder(subject: string, task: (subject: string) => Promise<void>): Promise<void> {
    const before = this.#queues.get(subject);
    const result = before === undefined ? task(subject) : before.then(() => task(subject));
    // The caller gets the failure; the queue only needs to know that the task is over.
    const over = result.then(
      () => {},
      () => {},
    );
    this.#queues.set(subject, over);
    void over.then(() => {
      if (this.#queues.get(subject) === over) this.#queues.delete(subject);
    });
    return result;
  }
}

/** As many events from the given one on as fit in a message, and at least one. */
function encode(events: readonly object[], from: number): { payload: Uint8Array; count: number } {
  const parts: string[] = [];
  let bytes = 1;
  for (let next = from; next < events.length; next++) {
    const text = JSON.stringify(events[next]);
    bytes += Buffer.byteLength(text) + 1;
    if (parts.length > 0 && bytes > MAX_MESSAGE_BYTES) break;
    parts.push(text);
  }
  return { payload: Buffer.from(`[${parts.join(",")}]`), count: parts.length };
}

function lastIn(record: StoredRecord): object | undefined {
  const events: unknown = JSON.parse(Buffer.from(record.payload).toString());
  const last: unknown = Array.isArray(events) ? events.at(-1) : undefined;
  return typeof last === "object" && last !== null ? last : undefined;
}

function lastEventOf(record: StoredRecord): number {
  const last = lastIn(record);
  const seq = last !== undefined && "seq" in last ? last.seq : undefined;
  if (typeof seq === "number") return seq;
  throw new MillraceError("corrupt", `message ${record.seq} on ${record.subject} holds no numbered events`);
}

/** A finished run stores no more, so its end need not be kept. */
function isRunsLast(event: object | undefined): boolean {
  return event !== undefined && "type" in event && event.type === "run.finished";
}

function gap(subject: string, lastEvent: number, firstSeq: number): MillraceError {
  return new MillraceError(
    "corrupt",
    `events ${lastEvent + 1} to ${firstSeq - 1} are missing on ${subject}: refused to store ${firstSeq} behind them`,
  );
}
