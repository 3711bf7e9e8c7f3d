/**
 * The stream of an object store as a model: an entry and a chunk for each object, which are messages with a sequence and
 * a time. Changes are by compare-and-set, as of JetStream; it outlives whoever uses it. What is removed is told.
 */
import { createHash } from "node:crypto";
import type { ListedChunk, ListedEntry } from "../../shared/store/object-inventory.ts";

interface StoredChunk extends ListedChunk {
  content: Buffer;
}

/** A message that is gone. */
export type RemovedMessage =
  | { readonly kind: "entry"; readonly entry: ListedEntry }
  | { readonly kind: "chunk"; readonly chunk: ListedChunk };

export class ObjectBucket {
  readonly #now: () => number;
  /** By name, in the order of their sequences. */
  readonly #entries = new Map<string, ListedEntry>();
  /** By nuid, in the order of their sequences. */
  readonly #chunks = new Map<string, StoredChunk>();
  readonly #listeners: ((message: RemovedMessage) => void)[] = [];
  readonly #onNextRemoval: (() => void)[] = [];
  #lastSeq = 0;
  /** Of objects that are replaced as a whole: the term of the last replacement. */
  readonly terms = new Map<string, number>();
  /** What is stored now counts as stored so long ago. */
  agoMs = 0;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** The listener hears of each message that a collection removes. */
  onRemoved(listener: (message: RemovedMessage) => void): void {
    this.#listeners.push(listener);
  }

  /** Calls back when a collection removes the next message. */
  onNextRemoval(call: () => void): void {
    this.#onNextRemoval.push(call);
  }

  entry(name: string): ListedEntry | undefined {
    return this.#entries.get(name);
  }

  /** The bytes of an object that is there, whole. */
  bytesOf(name: string): Buffer | undefined {
    const entry = this.#entries.get(name);
    return entry === undefined || entry.isRemoved ? undefined : this.#chunks.get(entry.nuid)?.content;
  }

  names(kind: string): string[] {
    return [...this.#entries.keys()].filter((name) => name.startsWith(`${kind}/`));
  }

  storeChunk(nuid: string, content: Buffer): void {
    this.#chunks.set(nuid, { ...this.#message(), nuid, bytes: content.length, content });
  }

  purgeChunk(nuid: string): void {
    this.#chunks.delete(nuid);
  }

  /** Stores an entry behind the one with a sequence, 0 for none; undefined when another one is there. */
  write(
    expectedSeq: number,
    entry: Pick<ListedEntry, "name" | "nuid" | "bytes" | "isRemoved">,
  ): ListedEntry | undefined {
    const { name } = entry;
    if ((this.#entries.get(name)?.seq ?? 0) !== expectedSeq) return undefined;
    const written = { ...entry, ...this.#message() };
    this.#entries.delete(name);
    this.#entries.set(name, written);
    return written;
  }

  purgeEntry({ name, seq }: ListedEntry): void {
    if (this.#entries.get(name)?.seq === seq) this.#entries.delete(name);
  }

  entriesBehind(seq: number): ListedEntry[] {
    return [...this.#entries.values()].filter((entry) => entry.seq > seq);
  }

  chunks(): ListedChunk[] {
    return [...this.#chunks.values()];
  }

  /** As a collection does; false when it is there no more. */
  remove(seq: number): boolean {
    for (const entry of this.#entries.values()) {
      if (entry.seq !== seq) continue;
      this.#entries.delete(entry.name);
      this.#tell({ kind: "entry", entry });
      return true;
    }
    for (const chunk of this.#chunks.values()) {
      if (chunk.seq !== seq) continue;
      this.#chunks.delete(chunk.nuid);
      this.#tell({ kind: "chunk", chunk });
      return true;
    }
    return false;
  }

  /** Damages an object, or changes it: its entry says nothing of that. */
  tamper(name: string, content: Buffer): void {
    const chunk = this.#chunks.get(this.#entries.get(name)?.nuid ?? "");
    if (chunk !== undefined) chunk.content = content;
  }

  /** Stores an object at once, as somebody whom nobody simulates. */
  plant(name: string, content: Buffer): void {
    const nuid = `planted-${this.#lastSeq}`;
    this.storeChunk(nuid, content);
    const expectedSeq = this.#entries.get(name)?.seq ?? 0;
    this.write(expectedSeq, { name, nuid, bytes: content.length, isRemoved: false });
  }

  /** Stores a document at once; gives its digest. */
  plantDocument(kind: string, value: unknown): string {
    const content = Buffer.from(JSON.stringify(value));
    const digest = createHash("sha256").update(content).digest("hex");
    this.plant(`${kind}/${digest}`, content);
    return digest;
  }

  /** Loses an object. */
  lose(name: string): void {
    const entry = this.#entries.get(name);
    this.#entries.delete(name);
    if (entry !== undefined) this.#chunks.delete(entry.nuid);
  }

  #message(): { readonly seq: number; readonly storedAtMs: number } {
    this.#lastSeq += 1;
    return { seq: this.#lastSeq, storedAtMs: this.#now() - this.agoMs };
  }

  #tell(message: RemovedMessage): void {
    for (const call of this.#onNextRemoval.splice(0)) call();
    for (const listener of this.#listeners) listener(message);
  }
}
