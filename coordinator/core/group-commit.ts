/**
 * Group commit of one run: at most one append is in flight; what happens meanwhile goes into the next one.
 *
 *   idle ──stage──▶ (take) ──▶ appending ──stored──▶ idle, or the next batch
 *
 * Safe: 1. a consequence is released only after the record it follows from is stored, and in the order staged;
 * 2. the next append expects exactly the sequence that the last one got, so never two are queued at the server.
 * Live: 3. whatever was staged while an append was in flight is taken by the next `take`.
 */
import type { RunRecord } from "./record.ts";

export interface CommitBatch {
  readonly expectedSeq: number;
  readonly records: readonly RunRecord[];
}

interface Staged<C> {
  readonly record: RunRecord | null;
  readonly consequences: readonly C[];
  /** An entry ends here, and its sequence is told. */
  cut?: (seq: number) => void;
}

export class GroupCommit<C> {
  #staged: Staged<C>[] = [];
  #appending: Staged<C>[] | undefined;
  #seq: number;
  readonly #maxRecords: number;

  constructor(options: { seq: number; maxRecords: number }) {
    this.#seq = options.seq;
    this.#maxRecords = options.maxRecords;
  }

  get isIdle(): boolean {
    return this.#appending === undefined && this.#staged.length === 0;
  }

  get hasStaged(): boolean {
    return this.#staged.length > 0;
  }

  /** A record and what follows from it once stored; without a record, what must not overtake those before it. */
  stage(record: RunRecord | null, consequences: readonly C[]): void {
    this.#staged.push({ record, consequences });
  }

  /** No entry has records from before and after this: told is the sequence of the last entry before it, once stored. */
  cut(onStored: (seq: number) => void): void {
    const last = this.#staged.at(-1) ?? this.#appending?.at(-1);
    if (last === undefined) onStored(this.#seq);
    else last.cut = onStored;
  }

  /** What may be released at once: staged consequences with no record before them that is not stored. */
  takeFree(): C[] {
    if (this.#appending !== undefined) return [];
    const end = this.#staged.findIndex((staged) => staged.record !== null);
    return this.#release(this.#staged.splice(0, end === -1 ? this.#staged.length : end));
  }

  /** The next batch to append, unless one is in flight or nothing is staged. */
  take(): CommitBatch | undefined {
    if (this.#appending !== undefined || this.#staged.length === 0) return undefined;
    let most = Math.min(this.#maxRecords, this.#staged.length);
    const cut = this.#staged.slice(0, most).findIndex((staged) => staged.cut !== undefined);
    if (cut !== -1) most = cut + 1;
    this.#appending = this.#staged.splice(0, most);
    return { expectedSeq: this.#seq, records: recordsOf(this.#appending) };
  }

  /** The batch just taken is too large for a message: its first half, unless it is a single one. */
  halve(): CommitBatch | undefined {
    const taken = this.#appending ?? [];
    if (taken.length < 2) return undefined;
    const kept = Math.ceil(taken.length / 2);
    this.#staged = [...taken.splice(kept), ...this.#staged];
    return { expectedSeq: this.#seq, records: recordsOf(taken) };
  }

  /** The batch in flight is stored at this sequence: its consequences, in order. */
  onStored(seq: number): C[] {
    const stored = this.#appending ?? [];
    this.#appending = undefined;
    this.#seq = seq;
    return this.#release(stored);
  }

  #release(stored: readonly Staged<C>[]): C[] {
    for (const { cut } of stored) cut?.(this.#seq);
    return stored.flatMap((staged) => staged.consequences);
  }
}

function recordsOf(staged: readonly { readonly record: RunRecord | null }[]): RunRecord[] {
  return staged.flatMap(({ record }) => (record === null ? [] : [record]));
}
