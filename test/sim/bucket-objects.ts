/**
 * Objects of one process over the model of their stream, step by step as over JetStream: each step is a request that
 * takes its time, others have their turn between two of them, and a process that dies leaves what it has stored by then.
 */
import type { MemoryConnection } from "../../coordinator/journal/memory-stream.ts";
import { MillraceError } from "../../shared/model/error.ts";
import type { ListedEntry } from "../../shared/store/object-inventory.ts";
import type { ObjectInfo, Objects } from "../../shared/store/objects.ts";
import type { ObjectBucket } from "./object-bucket.ts";

type Source = () => AsyncIterable<Uint8Array> | Iterable<Uint8Array>;

/** An object that is put again is announced again when its entry is older. */
const ANNOUNCE_AFTER_MS = 60_000;
const PIECE_BYTES = 1_000;

export interface BucketUser {
  readonly bucket: ObjectBucket;
  /** The server's clock. */
  readonly now: () => number;
  readonly connection: Pick<MemoryConnection, "ask">;
  /** Waits as long as the store is away. */
  readonly untilUp: () => Promise<void>;
  readonly newId: () => string;
}

export class BucketObjects implements Objects {
  readonly #user: BucketUser;
  constructor(user: BucketUser) {
    this.#user = user;
  }

  async put(name: string, make: Source): Promise<ObjectInfo> {
    const content = await bytesOf(make);
    for (;;) {
      const { entry, isWhole } = await this.#lookUp(name);
      const stored = isWhole
        ? await this.#announce(entry as ListedEntry)
        : await this.#store(name, content, entry?.seq ?? 0);
      if (stored !== undefined) return infoOf(stored);
    }
  }

  async replace(name: string, make: Source, term: number): Promise<boolean> {
    const { terms } = this.#user.bucket;
    const content = await bytesOf(make);
    for (;;) {
      const { entry } = await this.#lookUp(name);
      if (term < (terms.get(name) ?? 0)) return false;
      terms.set(name, term);
      const stored = await this.#store(name, content, entry?.seq ?? 0);
      if (stored === undefined) continue;
      if (entry !== undefined) await this.#ask((bucket) => bucket.purgeChunk(entry.nuid));
      return true;
    }
  }

  async *get(name: string): AsyncGenerator<Uint8Array> {
    const bytes = await this.#ask((bucket) => bucket.bytesOf(name));
    if (bytes === undefined) throw new MillraceError("notFound", `there is no object ${name}`);
    for (let from = 0; from < bytes.length; from += PIECE_BYTES)
      yield bytes.subarray(from, from + PIECE_BYTES);
  }

  async announce(name: string): Promise<boolean> {
    for (;;) {
      const { entry, isWhole } = await this.#lookUp(name);
      if (entry === undefined || !isWhole) return false;
      if ((await this.#announce(entry)) !== undefined) return true;
    }
  }

  async info(name: string): Promise<ObjectInfo | undefined> {
    const { entry } = await this.#lookUp(name);
    return entry === undefined || entry.isRemoved ? undefined : infoOf(entry);
  }

  async remove(name: string): Promise<void> {
    for (;;) {
      const { entry } = await this.#lookUp(name);
      if (entry === undefined) return;
      const removed = await this.#ask((bucket) => bucket.write(entry.seq, { ...entry, isRemoved: true }));
      if (removed === undefined) continue;
      await this.#ask((bucket) => bucket.purgeChunk(entry.nuid));
      return await this.#ask((bucket) => bucket.purgeEntry(removed));
    }
  }

  #lookUp(name: string): Promise<{ readonly entry: ListedEntry | undefined; readonly isWhole: boolean }> {
    return this.#ask((bucket) => ({
      entry: bucket.entry(name),
      isWhole: bucket.bytesOf(name) !== undefined,
    }));
  }

  async #announce(entry: ListedEntry): Promise<ListedEntry | undefined> {
    if (this.#user.now() - entry.storedAtMs < ANNOUNCE_AFTER_MS) return entry;
    return this.#ask((bucket) => bucket.write(entry.seq, entry));
  }

  async #store(name: string, content: Buffer, expectedSeq: number): Promise<ListedEntry | undefined> {
    const nuid = this.#user.newId();
    await this.#ask((bucket) => bucket.storeChunk(nuid, content));
    const entry = { name, nuid, bytes: content.length, isRemoved: false };
    const written = await this.#ask((bucket) => {
      const there = bucket.entry(name);
      // Its answer was lost before.
      return there?.nuid === nuid ? there : bucket.write(expectedSeq, entry);
    });
    if (written === undefined) await this.#ask((bucket) => bucket.purgeChunk(nuid));
    return written;
  }

  async #ask<T>(act: (bucket: ObjectBucket) => T): Promise<T> {
    const { bucket, connection, untilUp } = this.#user;
    await untilUp();
    return connection.ask(() => act(bucket));
  }
}

async function bytesOf(make: Source): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of make()) pieces.push(Buffer.from(piece));
  return Buffer.concat(pieces);
}

function infoOf({ name, bytes }: ListedEntry): ObjectInfo {
  return { name, bytes, chunks: 1, digest: "" };
}
