/**
 * The journal over a stream: one subject per run, appended to by compare-and-set.
 *
 * An append names the sequence of the run's last entry. The stream stores it only if that is still the last one, so
 * of two leaders that read the same state one is refused. An append whose acknowledgement was lost is repeated with
 * the same batch id, and is then either recognised by its message id, or refused because it is itself the last
 * entry; in that case the last entry's batch id is this one's.
 *
 * Safe:
 *  1. An entry is stored only behind the entry its writer expected. Nothing else orders two leaders.
 *  2. A batch is stored at most once: a repeat carries the expected sequence that its first copy has used up.
 *  3. `stored` is said only for a batch that is in the stream.
 *  4. `conflict` is said only for a batch that is not, and will not be: its expected sequence has been passed.
 * Rule 4 rests on one append in flight per run: with the next one behind it, a batch could be stored and not be last.
 * Live: the stream repeats until it is answered, and reading the last entry decides every refusal.
 */
import { randomUUID } from "node:crypto";
import type { Subjects } from "../../shared/bus/subjects.ts";
import type { Claim } from "../core/election.ts";
import type { Append, AppendResult, Entry, Journal, JournalItem } from "./journal.ts";
import type { RecordStream, StoredRecord } from "./record-stream.ts";

export interface StreamJournalOptions {
  /** Makes the batch ids of claims; simulations give their own. */
  readonly newId?: () => string;
}

/** The journal of one namespace over any stream. */
export class StreamJournal implements Journal {
  readonly #stream: RecordStream;
  readonly #subjects: Subjects;
  readonly #newId: () => string;
  /** What was stored or followed here with the highest sequence. */
  #latest: Pick<StoredRecord, "subject" | "seq" | "batch"> | undefined;

  constructor(stream: RecordStream, subjects: Subjects, options: StreamJournalOptions = {}) {
    this.#stream = stream;
    this.#subjects = subjects;
    this.#newId = options.newId ?? randomUUID;
  }

  append({ run, epoch, batch, expectedSeq, payload }: Append): Promise<AppendResult> {
    return this.#append(this.#subjects.journal(run), epoch, batch, expectedSeq, payload);
  }

  async lastEpoch(): Promise<number> {
    return (await this.#stream.last(this.#subjects.leader()))?.epoch ?? 0;
  }

  async claimEpoch(node: string, known: number, above = known): Promise<Claim> {
    const subject = this.#subjects.leader();
    const last = await this.#stream.last(subject);
    if (last !== undefined && last.epoch > known) return { kind: "lost", epoch: last.epoch };
    const epoch = above + 1;
    const payload = Buffer.from(JSON.stringify({ node }));
    const result = await this.#append(subject, epoch, this.#newId(), last?.seq ?? 0, payload);
    return result.kind === "stored" ? { kind: "won", epoch } : { kind: "lost", epoch: result.epoch };
  }

  async lastSeq(): Promise<number> {
    return (await this.#stream.last(this.#subjects.journalStored()))?.seq ?? 0;
  }

  async hasLost(): Promise<boolean> {
    const latest = this.#latest;
    if (latest === undefined) return false;
    for await (const { seq, batch } of this.#stream.read(latest.subject, latest.seq - 1)) {
      if (seq === latest.seq && batch === latest.batch) return false;
      break;
    }
    if (this.#latest === latest) this.#latest = undefined;
    return true;
  }

  async *follow(signal: AbortSignal): AsyncIterable<JournalItem> {
    for await (const record of this.#stream.follow(this.#subjects.journalStored(), signal)) {
      this.#note(record);
      const { subject, seq, epoch } = record;
      if (subject === this.#subjects.leader()) yield { kind: "claim", seq, epoch };
      else yield { kind: "entry", seq, entry: toEntry(record) };
    }
  }

  async has(run: string): Promise<boolean> {
    return (await this.#stream.last(this.#subjects.journal(run))) !== undefined;
  }

  async lastOfEachRun(): Promise<Entry[]> {
    return (await this.#stream.lastOfEach(this.#subjects.journalAll())).map(toEntry);
  }

  async *read(run: string, afterSeq = 0): AsyncIterable<Entry> {
    for await (const record of this.#stream.read(this.#subjects.journal(run), afterSeq))
      yield toEntry(record);
  }

  async #append(
    subject: string,
    epoch: number,
    batch: string,
    expectedSeq: number,
    payload: Uint8Array,
  ): Promise<AppendResult> {
    const answer = await this.#stream.publish({
      subject,
      payload,
      expectedSeq,
      batch,
      epoch,
      messageId: batch,
    });
    if (answer.kind === "stored") {
      this.#note({ subject, seq: answer.seq, batch });
      return answer;
    }
    const last = await this.#stream.last(subject);
    if (last === undefined) return { kind: "conflict", seq: 0, epoch: 0 };
    if (last.batch === batch) return { kind: "stored", seq: last.seq };
    return { kind: "conflict", seq: last.seq, epoch: last.epoch };
  }

  #note({ subject, seq, batch }: Pick<StoredRecord, "subject" | "seq" | "batch">): void {
    if (seq >= (this.#latest?.seq ?? 0)) this.#latest = { subject, seq, batch };
  }
}

function toEntry({ subject, seq, epoch, payload }: StoredRecord): Entry {
  return { run: subject.slice(subject.lastIndexOf(".") + 1), seq, epoch, payload };
}
