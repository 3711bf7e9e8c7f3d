/**
 * Objects over JetStream. A put is one try after another until one ends; a try is: looking (is the name there?),
 * sending (chunks under a fresh nuid), deciding (the meta entry, by compare-and-set).
 *
 * Safe:
 * 1. An entry stays only if all its chunks have been acknowledged. An object of one chunk sends both together, so
 *    that it takes one round trip; if the chunk fails, the entry is replaced or withdrawn by its writer. A writer that
 *    dies before that leaves an entry without its chunk: readers call it corrupt, and the next writer, who looks for
 *    the chunk once, replaces it.
 * 2. Of several writers of one name one wins; the others purge their chunks and return the winner's object.
 * 3. A chunk is never sent again under the same nuid: order of arrival is the order of the bytes.
 * 4. Of several terms the last one's replacement stays.
 * 5. A reader has verified length and SHA-256 when its iteration ends without an error.
 * Live: what is lost by a broken connection is tried again once the server is back; only a refusal that no
 * repetition mends (the stream is full, the connection closed) ends a put.
 */
import { createHash } from "node:crypto";
import { type NatsConnection, nuid as nuids } from "nats";
import { MillraceError } from "../model/error.ts";
import { AckInbox } from "./ack-inbox.ts";
import { ChunkUpload, WINDOW_BYTES } from "./chunk-upload.ts";
import { ChunkBuffers, cutChunks } from "./chunks.ts";
import { untilReady } from "./jetstream-request.ts";
import { type Entry, ObjectEntries, refusal } from "./object-entries.ts";
import { digestField, infoOf, type ObjectMeta, ObjectSubjects, removedMeta, termOf } from "./object-meta.ts";
import type { ObjectInfo, ObjectOptions, Objects } from "./objects.ts";
import { SubjectReader } from "./subject-reader.ts";

type Source = () => AsyncIterable<Uint8Array> | Iterable<Uint8Array>;

interface Content {
  readonly name: string;
  readonly make: Source;
  readonly metadata?: Record<string, string>;
}

export interface JetStreamObjectsOptions {
  readonly bucket: string;
  /** Shared with others that publish on this connection; one of its own when left out. */
  readonly acks?: AckInbox;
  /** An object that is put again is announced again when its entry is older: 60,000 by default. */
  readonly announceAfterMs?: number;
}

/** Larger ones cost a reader twice as much time: the client puts a message together by growing a buffer for it. */
const CHUNK_BYTES = 128 * 1024;
const PAYLOAD_RESERVE_BYTES = 4 * 1024;
const LAST_PURGE_MS = 3_000;
const READ_AHEAD_BYTES = 8 * 1024 * 1024;
const KNOWN_WHOLE = 10_000;

/** The objects of one bucket, whose stream exists. */
export class JetStreamObjects implements Objects {
  readonly #connection: NatsConnection;
  readonly #bucket: string;
  readonly #subjects: ObjectSubjects;
  readonly #acks: AckInbox;
  readonly #ownAcks: boolean;
  readonly #entries: ObjectEntries;
  readonly #announceAfterMs: number;
  /** By nuid: objects of one chunk whose chunk was seen. */
  readonly #whole = new Set<string>();
  readonly #buffers = new ChunkBuffers(CHUNK_BYTES, WINDOW_BYTES / CHUNK_BYTES);

  constructor(connection: NatsConnection, options: JetStreamObjectsOptions) {
    this.#connection = connection;
    this.#bucket = options.bucket;
    this.#subjects = new ObjectSubjects(options.bucket);
    this.#ownAcks = options.acks === undefined;
    this.#acks = options.acks ?? new AckInbox(connection);
    this.#entries = new ObjectEntries(connection, this.#acks, this.#subjects);
    this.#announceAfterMs = options.announceAfterMs ?? 60_000;
  }

  async put(name: string, make: Source, { signal }: ObjectOptions = {}): Promise<ObjectInfo> {
    const broken = new Set<string>();
    let entry = await this.#entries.lookUp(name, signal);
    for (;;) {
      const stored = (await this.#isThere(entry, broken, signal))
        ? await this.#announce(entry as Entry, signal)
        : await this.#store({ name, make }, entry?.seq ?? 0, broken, signal);
      if (stored !== undefined) return stored;
      entry = await this.#entries.current(name, signal);
    }
  }

  async replace(name: string, make: Source, term: number, { signal }: ObjectOptions = {}): Promise<boolean> {
    for (;;) {
      const entry = await this.#entries.current(name, signal);
      if (entry !== undefined && termOf(entry.meta) > term) return false;
      const replacement = { name, make, metadata: { term: String(term) } };
      const stored = await this.#store(replacement, entry?.seq ?? 0, new Set(), signal);
      if (stored === undefined) continue;
      if (entry !== undefined) await this.#entries.purgeChunks(entry.meta.nuid, signal);
      return true;
    }
  }

  async *get(name: string, { signal }: ObjectOptions = {}): AsyncGenerator<Uint8Array> {
    const { meta } = await this.#find(name, signal);
    const hash = createHash("sha256");
    let bytes = 0;
    for await (const chunk of this.#chunks(meta, signal)) {
      hash.update(chunk);
      bytes += chunk.length;
      yield chunk;
    }
    if (bytes === meta.size && digestField(hash.digest()) === meta.digest) return;
    const now = await this.#entries.current(name, signal);
    if (now?.meta.nuid !== meta.nuid || now.meta.deleted === true) {
      throw new MillraceError("notFound", `object ${name} was removed while it was read`);
    }
    throw new MillraceError(
      "corrupt",
      `object ${name} is damaged: ${bytes} of ${meta.size} bytes, and they do not match its digest`,
      { fix: `Remove the object, and run the job that made it again.` },
    );
  }

  async announce(name: string, { signal }: ObjectOptions = {}): Promise<boolean> {
    let entry = await this.#entries.lookUp(name, signal);
    if (entry === undefined) entry = await this.#entries.current(name, signal);
    while (await this.#isThere(entry, new Set(), signal)) {
      if ((await this.#announce(entry as Entry, signal)) !== undefined) return true;
      entry = await this.#entries.current(name, signal);
    }
    return false;
  }

  async info(name: string, { signal }: ObjectOptions = {}): Promise<ObjectInfo | undefined> {
    const entry = await this.#present(name, signal);
    return entry === undefined ? undefined : infoOf(entry.meta);
  }

  async remove(name: string, { signal }: ObjectOptions = {}): Promise<void> {
    for (;;) {
      const entry = await this.#entries.current(name, signal);
      if (entry === undefined) return;
      const result = await this.#entries.write(removedMeta(entry.meta, timestamp()), entry.seq, signal);
      if (result.kind === "overtaken") continue;
      await this.#entries.purgeChunks(entry.meta.nuid, signal);
      return await this.#entries.purgeEntry(name, result.seq, signal);
    }
  }

  /** Ends what belongs to this store; the connection stays. */
  close(): void {
    if (this.#ownAcks) this.#acks.close();
  }

  /** Whether an entry can be trusted: of an object of one chunk only when its chunk is there, too. */
  async #isThere(
    entry: Entry | undefined,
    broken: ReadonlySet<string>,
    signal?: AbortSignal,
  ): Promise<boolean> {
    if (entry === undefined || entry.meta.deleted === true) return false;
    const { nuid, chunks } = entry.meta;
    if (broken.has(nuid)) return false;
    if (chunks !== 1 || this.#whole.has(nuid)) return true;
    if ((await this.#entries.lastChunk(nuid, signal)) === undefined) return false;
    this.#noteWhole(nuid);
    return true;
  }

  #noteWhole(nuid: string): void {
    if (this.#whole.size === KNOWN_WHOLE) this.#whole.clear();
    this.#whole.add(nuid);
  }

  /** One try; undefined when it has to be made again. `broken` collects nuids whose entry may lack chunks. */
  async #store(
    content: Content,
    expectedSeq: number,
    broken: Set<string>,
    signal?: AbortSignal,
  ): Promise<ObjectInfo | undefined> {
    const { name } = content;
    const nuid = nuids.next();
    const upload = new ChunkUpload(this.#acks, this.#subjects.chunks(nuid), this.#buffers);
    let mayBeNamed = false;
    try {
      const meta = await this.#send(content, nuid, upload, signal);
      if (meta.chunks > 1) await upload.stored();
      if (upload.failure === undefined) {
        mayBeNamed = true;
        const written = await this.#entries.write(meta, expectedSeq, signal);
        await upload.stored();
        if (written.kind === "stored") {
          if (upload.failure === undefined) {
            this.#noteWhole(nuid);
            return infoOf(meta);
          }
          broken.add(nuid);
          if (failureOf(upload)?.kind === "refused") {
            await this.#entries.write(removedMeta(meta, timestamp()), written.seq, signal);
          }
        }
      }
    } catch (error) {
      // Given up while its entry was on its way: what no entry names in the end is collected.
      if (mayBeNamed && signal?.aborted) throw error;
      await this.#withdraw(nuid, upload, AbortSignal.timeout(LAST_PURGE_MS)).catch(() => {
        // What made the put fail matters more than chunks that no entry names.
      });
      throw error;
    }
    await this.#withdraw(nuid, upload, signal);
    const failure = failureOf(upload);
    if (failure?.kind === "refused") throw refusal(name, failure.reason);
    if (failure !== undefined) await untilReady(this.#connection, signal);
    return undefined;
  }

  /** Sends the chunks up to the end or the first failure; one that is alone is not waited for. */
  async #send(
    { name, make, metadata }: Content,
    nuid: string,
    upload: ChunkUpload,
    signal?: AbortSignal,
  ): Promise<ObjectMeta> {
    const hash = createHash("sha256");
    const chunkBytes = this.#chunkBytes();
    let size = 0;
    let chunks = 0;
    for await (const chunk of cutChunks(make(), chunkBytes, this.#buffers)) {
      signal?.throwIfAborted();
      hash.update(chunk);
      size += chunk.length;
      chunks += 1;
      await upload.send(chunk);
      if (upload.failure !== undefined) break;
    }
    return {
      name,
      bucket: this.#bucket,
      nuid,
      size,
      chunks,
      digest: digestField(hash.digest()),
      mtime: timestamp(),
      deleted: false,
      ...(metadata === undefined ? {} : { metadata }),
      options: { max_chunk_size: chunkBytes },
    };
  }

  /** Purges the chunks of a try that came to nothing. The server works on publishes and purges side by side. */
  async #withdraw(nuid: string, upload: ChunkUpload, signal?: AbortSignal): Promise<void> {
    await upload.settled(signal);
    await this.#entries.purgeChunks(nuid, signal);
  }

  /** Says that the object is wanted still; undefined when it changed meanwhile. Costs one publish, and that seldom. */
  async #announce({ meta, seq, storedAtMs }: Entry, signal?: AbortSignal): Promise<ObjectInfo | undefined> {
    if (Date.now() - storedAtMs < this.#announceAfterMs) return infoOf(meta);
    const written = await this.#entries.write({ ...meta, mtime: timestamp() }, seq, signal);
    return written.kind === "stored" ? infoOf(meta) : undefined;
  }

  async #present(name: string, signal?: AbortSignal): Promise<Entry | undefined> {
    let entry = await this.#entries.lookUp(name, signal);
    if (entry === undefined || entry.meta.deleted === true) entry = await this.#entries.current(name, signal);
    return entry?.meta.deleted === true ? undefined : entry;
  }

  async #find(name: string, signal?: AbortSignal): Promise<Entry> {
    const entry = await this.#present(name, signal);
    if (entry !== undefined) return entry;
    throw new MillraceError("notFound", `there is no object ${name}`);
  }

  async *#chunks(meta: ObjectMeta, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
    if (meta.chunks === 0) return;
    if (meta.chunks === 1) {
      const chunk = await this.#entries.lastChunk(meta.nuid, signal);
      if (chunk !== undefined) yield chunk;
      return;
    }
    const reader = new SubjectReader(this.#connection, {
      stream: this.#subjects.stream,
      subject: this.#subjects.chunks(meta.nuid),
      follow: false,
      window: Math.max(2, Math.floor((READ_AHEAD_BYTES * meta.chunks) / meta.size)),
    });
    const abort = () => reader.close();
    signal?.addEventListener("abort", abort);
    try {
      for (let count = 0; count < meta.chunks; count += 1) {
        const step = await reader.next();
        signal?.throwIfAborted();
        if (typeof step === "string") return; // fewer chunks than there should be
        yield step.data;
      }
    } finally {
      signal?.removeEventListener("abort", abort);
      reader.close();
    }
  }

  #chunkBytes(): number {
    const limit = this.#connection.info?.max_payload ?? CHUNK_BYTES;
    return Math.max(1024, Math.min(CHUNK_BYTES, limit - PAYLOAD_RESERVE_BYTES));
  }
}

function timestamp(): string {
  return new Date().toISOString();
}

/** Read through a function, as the checker takes an accessor's earlier value for its later one. */
function failureOf(upload: ChunkUpload): ChunkUpload["failure"] {
  return upload.failure;
}
