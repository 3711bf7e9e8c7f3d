/**
 * The digests that runs refer to, as fingerprints. What an ended run refers to never changes, so it is remembered and
 * its journal read once by each leader; the memory is bounded, and what does not fit is read again.
 */
import { DigestScan } from "../core/digest-scan.ts";
import { type Fingerprint, fingerprintOf } from "../core/reference-filter.ts";
import type { CollectionStores } from "./collection-stores.ts";

/** Documents that a submission may name, and that name artifacts themselves. */
const documentKinds = ["graph", "data"] as const;

/** 16 MiB. */
const DEFAULT_REMEMBERED = 2_000_000;

export class RunReferences {
  readonly #stores: CollectionStores;
  readonly #capacity: number;
  /** Of ended runs: high and low words in turn. */
  readonly #remembered = new Map<string, { readonly seq: number; readonly words: Uint32Array }>();
  #count = 0;

  constructor(stores: CollectionStores, capacity: number = DEFAULT_REMEMBERED) {
    this.#stores = stores;
    this.#capacity = capacity;
  }

  /** Reads a run, or remembers it. `endSeq` is the sequence of the entry that ended it, null for a living run. */
  async *of(run: string, endSeq: number | null): AsyncGenerator<Fingerprint> {
    const remembered = this.#remembered.get(run);
    if (remembered !== undefined && remembered.seq === endSeq) {
      const { words } = remembered;
      for (let at = 0; at < words.length; at += 2) {
        yield { high: words[at] as number, low: words[at + 1] as number };
      }
      return;
    }
    const found = new Map<string, Fingerprint>();
    for await (const digest of this.#digests(run)) {
      if (found.has(digest)) continue;
      const fingerprint = fingerprintOf(digest);
      found.set(digest, fingerprint);
      yield fingerprint;
    }
    if (endSeq !== null) this.#remember(run, endSeq, [...found.values()]);
  }

  forget(run: string): void {
    const remembered = this.#remembered.get(run);
    if (remembered === undefined) return;
    this.#count -= remembered.words.length / 2;
    this.#remembered.delete(run);
  }

  #remember(run: string, seq: number, fingerprints: readonly Fingerprint[]): void {
    this.forget(run);
    if (this.#count + fingerprints.length > this.#capacity) return;
    this.#count += fingerprints.length;
    const words = Uint32Array.from(fingerprints.flatMap(({ high, low }) => [high, low]));
    this.#remembered.set(run, { seq, words });
  }

  /** Those in the run's entries, and those in documents that its submission, the first entry, names. */
  async *#digests(run: string): AsyncGenerator<string> {
    const scan = new DigestScan();
    const submitted = new Set<string>();
    let isFirst = true;
    for await (const bytes of this.#stores.runBytes(run)) {
      scan.restart();
      for (const digest of scan.read(bytes)) {
        if (isFirst) submitted.add(digest);
        yield digest;
      }
      isFirst = false;
    }
    for (const digest of submitted) {
      for (const kind of documentKinds) {
        scan.restart();
        for await (const piece of this.#stores.objectBytes(`${kind}/${digest}`)) yield* scan.read(piece);
      }
    }
  }
}
