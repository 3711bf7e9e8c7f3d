import { standingOf } from "../../coordinator/core/retention.ts";
import { decodeRecords } from "../../coordinator/journal/entry-records.ts";
import type { Append, AppendResult, Entry } from "../../coordinator/journal/journal.ts";
import type { Bounds, CollectionStores } from "../../coordinator/storage/collection-stores.ts";
import type { Codec } from "../../shared/actor/contract.ts";

interface ObjectMessage {
  readonly seq: number;
  readonly storedAtMs: number;
  readonly nuid: string;
  /** Of an entry; a chunk has none. */
  readonly name: string | undefined;
}

const ANNOUNCE_AFTER_MS = 60_000;

/** The streams that a collection works on, with time that moves by hand. What was acknowledged is there at once. */
export class MemoryCollectionStores implements CollectionStores {
  nowMs = 10 ** 12;
  epoch = 1;
  /** In a log stream: whose line it is. */
  logLines: { readonly seq: number; readonly run: string }[] = [];
  readonly #codec: Codec;
  #lastSeq = 0;
  #entries: (Entry & { readonly seq: number })[] = [];
  #objects: ObjectMessage[] = [];

  constructor(codec: Codec) {
    this.#codec = codec;
  }

  // What others do meanwhile.

  /** As an upload does: announces an object that is there, stores one that is not. */
  upload(name: string): void {
    const entry = this.#entryOf(name);
    const nuid = entry?.nuid ?? `nuid-${this.#lastSeq}`;
    if (entry === undefined) this.#add({ nuid, name: undefined });
    else if (this.nowMs - entry.storedAtMs < ANNOUNCE_AFTER_MS) return;
    else this.#objects = this.#objects.filter(({ seq }) => seq !== entry.seq);
    this.#add({ nuid, name });
  }

  /** An object that can be read whole. */
  has(name: string): boolean {
    const nuid = this.#entryOf(name)?.nuid;
    return (
      nuid !== undefined && this.#objects.some((stored) => stored.nuid === nuid && stored.name === undefined)
    );
  }

  log(run: string): void {
    this.#lastSeq += 1;
    this.logLines.push({ seq: this.#lastSeq, run });
  }

  /** Runs that whoever reads the journal now knows of. */
  knownRuns(): string[] {
    return this.#runs((standing) => standing !== "removed");
  }

  /** Those whose removal has still to be finished. */
  removedRuns(): string[] {
    return this.#runs((standing) => standing === "removed");
  }

  isInJournal(run: string): boolean {
    return this.#entries.some((entry) => entry.run === run);
  }

  lastSeqOf(run: string): number {
    return this.#last().find((entry) => entry.run === run)?.seq ?? 0;
  }

  // What a collection asks.

  now = (): Promise<number> => Promise.resolve(this.nowMs);
  leadingEpoch = (): Promise<number> => Promise.resolve(this.epoch);
  lastOfEachRun = (): Promise<Entry[]> => Promise.resolve(this.#last());

  append = ({ run, epoch, expectedSeq, payload }: Append): Promise<AppendResult> => {
    const last = this.#last().find((entry) => entry.run === run);
    if ((last?.seq ?? 0) !== expectedSeq) {
      return Promise.resolve({ kind: "conflict", seq: last?.seq ?? 0, epoch: last?.epoch ?? 0 });
    }
    this.#lastSeq += 1;
    this.#entries.push({ run, epoch, seq: this.#lastSeq, payload });
    return Promise.resolve({ kind: "stored", seq: this.#lastSeq });
  };

  async *runBytes(run: string): AsyncGenerator<Uint8Array> {
    for (const entry of this.#entries.filter((each) => each.run === run)) yield entry.payload;
  }

  async *objectBytes(): AsyncGenerator<Uint8Array> {}

  bounds = (): Promise<Bounds> =>
    Promise.resolve({ journal: this.#lastSeq, events: this.#lastSeq, logs: this.#lastSeq });

  removeRun = (run: string, upTo: Bounds): Promise<void> => {
    this.logLines = this.logLines.filter((line) => line.run !== run || line.seq > upTo.logs);
    this.#entries = this.#entries.filter((entry) => entry.run !== run || entry.seq > upTo.journal);
    return Promise.resolve();
  };

  /** Like a consumer: goes on to what is stored while it is read, as far as it was long at first. */
  async *entries(afterSeq: number) {
    let left = this.#objects.filter(({ seq, name }) => name !== undefined && seq > afterSeq).length;
    for (let at = afterSeq; left > 0; left -= 1) {
      const next = this.#objects.find(({ seq, name }) => name !== undefined && seq > at);
      if (next?.name === undefined) return;
      at = next.seq;
      yield { ...next, name: next.name, bytes: 1, isRemoved: false };
    }
  }

  async *chunks() {
    for (const { name, ...chunk } of [...this.#objects]) if (name === undefined) yield { ...chunk, bytes: 1 };
  }

  removeObjectMessage = (seq: number): Promise<boolean> => {
    const before = this.#objects.length;
    this.#objects = this.#objects.filter((stored) => stored.seq !== seq);
    return Promise.resolve(this.#objects.length < before);
  };

  #entryOf(name: string): ObjectMessage | undefined {
    return this.#objects.find((stored) => stored.name === name);
  }

  #add(message: Pick<ObjectMessage, "nuid" | "name">): void {
    this.#lastSeq += 1;
    this.#objects.push({ ...message, seq: this.#lastSeq, storedAtMs: this.nowMs });
  }

  #runs(isWanted: (standing: ReturnType<typeof standingOf>) => boolean): string[] {
    return this.#last()
      .filter((entry) => isWanted(standingOf(decodeRecords(entry, this.#codec))))
      .map(({ run }) => run);
  }

  #last(): Entry[] {
    return [...new Map(this.#entries.map((entry) => [entry.run, entry])).values()];
  }
}
