/**
 * Ships the logs of attempts, by offset, through one window of bytes on their way and one acknowledgement inbox.
 *
 * A chunk is waiting, on its way, or stored. What is stored from the start on without a gap is acknowledged, and
 * forgotten here. When one is not stored, everything behind the acknowledged offset waits again, and is sent from
 * there once the server is back.
 *
 * 1. Bytes below `acknowledgedOffset` are in the stream. Bytes above it are held here, so whoever wrote them may
 *    forget them only up to there if they must survive this process.
 * 2. A writer holds about a window of bytes, and all of them together not much more than theirs: `write` resolves
 *    when there is room for more.
 * 3. Nothing is sent for a log without bytes.
 * 4. Bytes that are skipped count as acknowledged, and only once all before them is stored: the first chunk behind them
 *    tells readers that they will never come.
 */
import type { NatsConnection } from "nats";
import type { Bus } from "../bus/connection.ts";
import { AckInbox } from "./ack-inbox.ts";
import { ChunkBuffers } from "./chunks.ts";
import { untilReady } from "./jetstream-request.ts";
import { logHeaders } from "./log-record.ts";

/** Whose log it is: names, not indexes. */
export interface LogSource {
  readonly run: string;
  readonly job: string;
  readonly attempt: number;
  readonly agent: string;
}

interface Chunk {
  readonly offset: number;
  readonly bytes: Uint8Array;
  isStored: boolean;
}

const CHUNK_BYTES = 128 * 1024;
/** What is shorter is not worth a buffer of a chunk's length. */
const SMALL_BYTES = 16 * 1024;
const HEADER_RESERVE_BYTES = 1024;
const WRITER_WINDOW_BYTES = 2 * 1024 * 1024;
const SHIPPER_WINDOW_BYTES = 8 * 1024 * 1024;
const ALL_HELD_BYTES = 32 * 1024 * 1024;
const REFUSED_PAUSE_MS = 2_000;

/** Ships all logs of one agent. */
export class LogShipper {
  readonly #bus: Bus;
  readonly #acks: AckInbox;
  readonly #ownAcks: boolean;
  readonly #blocked = new Set<LogWriter>();
  readonly #buffers = new ChunkBuffers(CHUNK_BYTES, SHIPPER_WINDOW_BYTES / CHUNK_BYTES);
  #onTheirWayBytes = 0;
  #heldBytes = 0;

  constructor(bus: Bus, options: { readonly acks?: AckInbox } = {}) {
    this.#bus = bus;
    this.#ownAcks = options.acks === undefined;
    this.#acks = options.acks ?? new AckInbox(bus.connection);
  }

  /** Begins or, after a restart of the agent, goes on with a log whose bytes below the offset have been stored. */
  open(source: LogSource, fromOffset = 0): LogWriter {
    const { run, job, attempt, agent } = source;
    return new LogWriter(this, this.#bus.subjects.log(run, job, attempt, agent), fromOffset);
  }

  /** Ends the inbox if it is its own; what is on its way is lost. */
  close(): void {
    if (this.#ownAcks) this.#acks.close();
  }

  /** For writers. */
  get connection(): NatsConnection {
    return this.#bus.connection;
  }

  get chunkBytes(): number {
    return Math.min(CHUNK_BYTES, this.#bus.maxPayload() - HEADER_RESERVE_BYTES);
  }

  /** For writers: a copy of the bytes, which are at most a chunk, to be held until it is released. */
  hold(bytes: Uint8Array): Uint8Array {
    this.#heldBytes += bytes.length;
    if (bytes.length < SMALL_BYTES) return Buffer.from(bytes);
    const held = this.#buffers.take().subarray(0, bytes.length);
    held.set(bytes);
    return held;
  }

  /** For writers: nobody looks at these bytes any more; only what is stored is surely not on its way any more. */
  release(held: Uint8Array, isStored: boolean): void {
    this.#heldBytes -= held.length;
    if (isStored && held.length >= SMALL_BYTES) this.#buffers.give(held);
  }

  get isFull(): boolean {
    return this.#heldBytes >= ALL_HELD_BYTES;
  }

  /** For writers: sends if the window has room, else has the writer pumped when it has. */
  ship(
    writer: LogWriter,
    subject: string,
    chunk: Chunk,
    acknowledged: number,
    settle: (kind: "stored" | "refused" | "lost") => void,
  ): boolean {
    if (this.#onTheirWayBytes >= SHIPPER_WINDOW_BYTES) {
      this.#blocked.add(writer);
      return false;
    }
    this.#onTheirWayBytes += chunk.bytes.length;
    const headers = logHeaders({ offset: chunk.offset, acknowledged });
    this.#acks.publish(subject, chunk.bytes, headers, ({ kind }) => {
      this.#onTheirWayBytes -= chunk.bytes.length;
      settle(kind);
      this.#unblock();
    });
    return true;
  }

  #unblock(): void {
    for (const writer of this.#blocked) {
      if (this.#onTheirWayBytes >= SHIPPER_WINDOW_BYTES) return;
      this.#blocked.delete(writer);
      writer.pump();
    }
  }
}

/** The log of one attempt. */
export class LogWriter {
  readonly #shipper: LogShipper;
  readonly #subject: string;
  /** From the acknowledged offset on; the first `#sent` of them have been sent. */
  #chunks: Chunk[] = [];
  #sent = 0;
  #offset: number;
  #acknowledged: number;
  #isRecovering = false;
  #isClosed = false;
  readonly #waiters = new Set<() => void>();

  constructor(shipper: LogShipper, subject: string, fromOffset: number) {
    this.#shipper = shipper;
    this.#subject = subject;
    this.#offset = fromOffset;
    this.#acknowledged = fromOffset;
  }

  /** Bytes written so far: the log's length at its end. */
  get offset(): number {
    return this.#offset;
  }

  /** Bytes from the start on that the stream holds for certain, or that were skipped. */
  get acknowledgedOffset(): number {
    return this.#acknowledged;
  }

  /** Appends bytes, of which it makes a copy; resolves when the writer has room for more. */
  async write(bytes: Uint8Array): Promise<void> {
    const { chunkBytes } = this.#shipper;
    for (let from = 0; from < bytes.length; from += chunkBytes) {
      const part = this.#shipper.hold(bytes.subarray(from, from + chunkBytes));
      this.#chunks.push({ offset: this.#offset, bytes: part, isStored: false });
      this.#offset += part.length;
    }
    this.pump();
    while (this.#isFull && !this.#isClosed) await this.#progress();
  }

  /** Goes on at a later offset, once all before it is stored; the bytes between never come. */
  async skipTo(offset: number): Promise<void> {
    while (this.#acknowledged < this.#offset && !this.#isClosed) await this.#progress();
    if (this.#isClosed) return;
    this.#offset = offset;
    this.#acknowledged = offset;
  }

  /** Resolves with true when all that was written is stored, with false when it is not after the limit. */
  async flushed(limitMs: number): Promise<boolean> {
    const deadline = performance.now() + limitMs;
    while (this.#acknowledged < this.#offset && !this.#isClosed) {
      const leftMs = deadline - performance.now();
      if (leftMs <= 0) return false;
      await this.#progress(leftMs);
    }
    return this.#acknowledged === this.#offset;
  }

  /** Forgets what is not stored yet. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const { bytes } of this.#chunks.splice(0)) this.#shipper.release(bytes, false);
    this.#wakeAll();
  }

  /** Sends what waits, as far as the shipper has room. */
  pump(): void {
    if (this.#isRecovering || this.#isClosed) return;
    for (; this.#sent < this.#chunks.length; this.#sent += 1) {
      const chunk = this.#chunks[this.#sent] as Chunk;
      const settle = (kind: "stored" | "refused" | "lost") => this.#onSettled(chunk, kind);
      if (!this.#shipper.ship(this, this.#subject, chunk, this.#acknowledged, settle)) return;
    }
  }

  #onSettled(chunk: Chunk, kind: "stored" | "refused" | "lost"): void {
    if (kind === "stored") {
      chunk.isStored = true;
      while (this.#chunks[0]?.isStored) {
        const { offset, bytes } = this.#chunks.shift() as Chunk;
        this.#sent = Math.max(0, this.#sent - 1);
        this.#acknowledged = offset + bytes.length;
        this.#shipper.release(bytes, true);
      }
      this.#wakeAll();
    } else if (!this.#isRecovering && !this.#isClosed) {
      this.#isRecovering = true;
      void this.#recover(kind === "refused" ? REFUSED_PAUSE_MS : 0);
    }
  }

  get #isFull(): boolean {
    const held = this.#offset - this.#acknowledged;
    return held >= WRITER_WINDOW_BYTES || (held > 0 && this.#shipper.isFull);
  }

  /** Waits for the server, then sends again from the acknowledged offset. */
  async #recover(pauseMs: number): Promise<void> {
    try {
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
      await untilReady(this.#shipper.connection);
    } catch {
      this.close(); // the connection is closed: nothing can be shipped any more
      return;
    }
    this.#sent = 0;
    this.#isRecovering = false;
    this.pump();
  }

  /** Until something is stored, or the limit. */
  #progress(limitMs?: number): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.#waiters.delete(done);
        resolve();
      };
      const timer = limitMs === undefined ? undefined : setTimeout(done, limitMs);
      this.#waiters.add(done);
    });
  }

  #wakeAll(): void {
    for (const wake of [...this.#waiters]) wake();
  }
}
