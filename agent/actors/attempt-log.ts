/**
 * An attempt's log on its way from the file, which the job writes, to the stream.
 *
 * The job never waits for us: it writes to the file, and we read behind it by offset, as fast as the stream takes it.
 * What the stream has acknowledged is punched out of the file, so a chatty job does not fill the disk with what is
 * stored elsewhere. Where the stream takes nothing for too long the oldest bytes that wait are cut: punched out too,
 * and passed over. What is written after the command's end is not part of the log.
 *
 * Invariants: (1) `read` <= size; bytes are handed over once, in order, but for the cut ones. (2) one `ship` at a time;
 * one that comes meanwhile makes the first go on. (3) nothing is punched that is neither acknowledged nor noted as
 * cut; the newest bytes are never cut, so whoever reads the log finds the gap by what follows it.
 */
import { closeSync, openSync, readSync, statSync } from "node:fs";
import { ReleasedLog } from "../workspaces/released-log.ts";
import type { Place } from "../workspaces/workspaces.ts";
import type { LogBacklog, WaitingLog } from "./log-backlog.ts";

/** Where the bytes go. */
export interface LogSink {
  /** Takes the next bytes; resolves when there is room for more. */
  write(bytes: Uint8Array): Promise<void>;
  /** Goes on at a later offset: the bytes between never come. */
  skipTo(offset: number): Promise<void>;
  /** How many bytes from the start are stored, or cut. */
  acknowledgedBytes(): number;
  /** Nothing more comes; resolves when all of it is stored. */
  end(): Promise<void>;
}

const CHUNK_BYTES = 128 * 1024;
const PUNCH_BYTES = 32 * 2 ** 20;

export interface AttemptLogOptions {
  readonly place: Pick<Place, "log" | "control">;
  /** Called when there is something to ship: a job without output costs nothing. */
  readonly openSink: (fromOffset: number) => LogSink;
  /** Frees the disk under some bytes of the file. */
  readonly punch: (path: string, from: number, to: number) => Promise<void>;
  readonly backlog: LogBacklog;
}

export class AttemptLog implements WaitingLog {
  readonly #options: AttemptLogOptions;
  readonly #released: ReleasedLog;
  #sink: LogSink | undefined;
  #readBytes: number;
  #finalBytes: number | undefined;
  #shipping: Promise<void> | undefined;

  constructor(options: AttemptLogOptions) {
    this.#options = options;
    this.#released = ReleasedLog.open(options.place.control);
    this.#readBytes = this.#released.storedBytes;
  }

  /** Bytes of the log so far; of the whole log once it is closed. */
  size(): number {
    return this.#finalBytes ?? statSync(this.#options.place.log, { throwIfNoEntry: false })?.size ?? 0;
  }

  /** The command has ended: what is there now is all. */
  close(): number {
    this.#finalBytes = this.size();
    return this.#finalBytes;
  }

  /** Hands over what has been written since; resolves when it is handed over, not when it is stored. */
  async ship(): Promise<void> {
    this.#options.backlog.note(this);
    this.#shipping ??= this.#shipAll().finally(() => {
      this.#shipping = undefined;
    });
    await this.#shipping;
  }

  /** Resolves when all of a closed log is stored. */
  async stored(): Promise<void> {
    if (this.size() === 0) return;
    await this.ship();
    await this.#sink?.end();
  }

  /** None where the job has truncated the file to less than was read of it. */
  backlogBytes(): number {
    return this.#released.keptBytes(this.#readBytes, this.size());
  }

  cut(): void {
    const from = this.#released.nextKept(this.#readBytes);
    const to = this.size() - Math.floor((this.size() - from) / 2);
    this.#released.noteCut(from, to);
    void this.#options.punch(this.#options.place.log, from, to);
  }

  async #shipAll(): Promise<void> {
    while (this.#readBytes < this.size()) {
      this.#sink ??= this.#options.openSink(this.#readBytes);
      const next = this.#released.nextKept(this.#readBytes);
      if (next > this.#readBytes) {
        await this.#sink.skipTo(next);
        this.#readBytes = next;
        continue;
      }
      const end = Math.min(this.size(), this.#released.nextCut(this.#readBytes));
      const bytes = this.#read(Math.min(CHUNK_BYTES, end - this.#readBytes));
      if (bytes.length === 0) return this.#onTruncated();
      this.#readBytes += bytes.length;
      await this.#sink.write(bytes);
      this.#options.backlog.note(this);
      await this.#punch(this.#sink.acknowledgedBytes());
    }
  }

  /** Nothing is where the file's size said there was: of a closed log no more will come. */
  #onTruncated(): void {
    if (this.#finalBytes !== undefined) this.#finalBytes = this.#readBytes;
    this.#options.backlog.note(this);
  }

  #read(length: number): Uint8Array {
    const file = openSync(this.#options.place.log, "r");
    try {
      const bytes = Buffer.allocUnsafe(length);
      return bytes.subarray(0, readSync(file, bytes, 0, length, this.#readBytes));
    } finally {
      closeSync(file);
    }
  }

  async #punch(acknowledgedBytes: number): Promise<void> {
    if (acknowledgedBytes - this.#released.storedBytes < PUNCH_BYTES) return;
    this.#released.noteStored(acknowledgedBytes);
    await this.#options.punch(this.#options.place.log, 0, acknowledgedBytes);
  }
}
