/**
 * An attempt's log on its way from the file, which the job writes, to the stream.
 *
 * The job never waits for us: it writes to the file, and we read behind it by offset, as fast as the stream takes it.
 * What the stream has acknowledged is punched out of the file, so a chatty job does not fill the disk with what is
 * stored elsewhere. Where the stream takes nothing for too long the oldest bytes that wait are cut: punched out too,
 * and passed over. A job may empty its own file (`log-file.ts`). What is written after the command's end is not part of
 * the log.
 *
 * Invariants: (1) `read` <= size; bytes are handed over once, in order, but for the cut ones. (2) one `ship` at a time;
 * one that comes meanwhile makes the first go on. (3) nothing is punched that is neither acknowledged nor noted as
 * cut; the newest bytes are never cut, so whoever reads the log finds the gap by what follows it.
 */

import { type LogBytes, MarkedLogFile } from "../workspaces/marked-log.ts";
import type { Place } from "../workspaces/place.ts";
import { ReleasedLog } from "../workspaces/released-log.ts";
import type { LogBacklog, WaitingLog } from "./log-backlog.ts";
import { LogFile } from "./log-file.ts";

/** Where the bytes go. */
export interface LogSink {
  /** Takes the next bytes; they are no longer looked at when it resolves, which is when there is room for more. */
  write(bytes: Uint8Array): Promise<void>;
  /** Goes on at a later offset: the bytes between never come. */
  skipTo(offset: number): Promise<void>;
  /** How many bytes from the start are stored, or cut. */
  acknowledgedBytes(): number;
  /** Nothing more comes; resolves when all of it is stored. */
  end(): Promise<void>;
}

const CHUNK_BYTES = 128 * 1024;

export interface AttemptLogOptions {
  readonly place: Pick<Place, "log" | "control">;
  /** Begun by an earlier process of the agent, which may have released some of it. */
  readonly isLeftover: boolean;
  /** Whether its marks are read. */
  readonly hasMarks?: boolean;
  /** Called when there is something to ship: a job without output costs nothing. */
  readonly openSink: (fromOffset: number) => LogSink;
  /** Frees the disk under some bytes of the file. */
  readonly punch: (path: string, from: number, to: number) => Promise<void>;
  readonly backlog: LogBacklog;
}

export class AttemptLog implements WaitingLog {
  readonly #options: AttemptLogOptions;
  readonly #released: ReleasedLog;
  readonly #file: LogFile;
  /** Undefined where nobody asks for marks. */
  readonly marks: MarkedLogFile | undefined;
  #sink: LogSink | undefined;
  #readBytes: number;
  #finalBytes: number | undefined;
  #shipping: Promise<void> | undefined;
  /** What is read into once there is much to be read. */
  #buffer: Buffer | undefined;

  constructor(options: AttemptLogOptions) {
    this.#options = options;
    const { control } = options.place;
    this.#released = options.isLeftover ? ReleasedLog.open(control) : ReleasedLog.begin(control);
    this.#file = new LogFile(options.place.log, this.#released);
    this.#readBytes = this.#released.storedBytes;
    const bytes: LogBytes = {
      begin: () => this.#released.begin,
      size: () => this.#file.size(),
      read: (from, length) => this.#file.read(from, Buffer.allocUnsafe(length)),
    };
    this.marks = options.hasMarks ? new MarkedLogFile(control, bytes, options.isLeftover) : undefined;
  }

  /** Bytes of the log so far; of the whole log once it is closed. */
  size(): number {
    return this.#finalBytes ?? this.#file.size();
  }

  /** Whether nothing of it was released, so that nothing is noted beside its control files. */
  get isWhole(): boolean {
    return this.#released.isEmpty;
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
      this.#buffer = undefined;
    });
    await this.#shipping;
  }

  /** Resolves when all of a closed log is stored. */
  async stored(): Promise<void> {
    if (this.size() === 0) return;
    await this.ship();
    await this.#sink?.end();
  }

  backlogBytes(): number {
    return this.#released.keptBytes(this.#readBytes, this.size());
  }

  cut(): void {
    const size = this.size();
    const from = this.#released.nextKept(this.#readBytes);
    const to = size - Math.floor((size - from) / 2);
    this.#released.noteCut(from, to);
    // Where it can't be noted what marks are in them, the bytes stay.
    void this.#punch(from, to).catch(() => undefined);
  }

  async #shipAll(): Promise<void> {
    // One look in each round: the next one may find that the job has emptied the file.
    for (let size = this.size(); this.#readBytes < size; size = this.size()) {
      this.#sink ??= this.#options.openSink(this.#readBytes);
      const next = this.#released.nextKept(this.#readBytes);
      if (next > this.#readBytes) {
        await this.#sink.skipTo(next);
        this.#readBytes = next;
        continue;
      }
      const end = Math.min(size, this.#released.nextCut(this.#readBytes));
      const bytes = this.#read(Math.min(CHUNK_BYTES, end - this.#readBytes));
      if (bytes.length === 0) return this.#onEmptied();
      this.#readBytes += bytes.length;
      await this.#sink.write(bytes);
      this.#options.backlog.note(this);
      await this.#releaseStored(this.#sink.acknowledgedBytes());
    }
  }

  #read(length: number): Uint8Array {
    if (length < CHUNK_BYTES) return this.#file.read(this.#readBytes, Buffer.allocUnsafe(length));
    this.#buffer ??= Buffer.allocUnsafeSlow(CHUNK_BYTES);
    return this.#file.read(this.#readBytes, this.#buffer);
  }

  /** Nothing is where the file's size said there was: of a closed log no more will come, else the next look tells. */
  #onEmptied(): void {
    if (this.#finalBytes !== undefined) this.#finalBytes = this.#readBytes;
    this.#options.backlog.note(this);
  }

  async #releaseStored(acknowledgedBytes: number): Promise<void> {
    if (acknowledgedBytes - this.#released.storedBytes < this.#options.backlog.releaseBytes) return;
    this.#released.noteStored(acknowledgedBytes);
    await this.#punch(this.#released.begin, acknowledgedBytes);
  }

  async #punch(from: number, to: number): Promise<void> {
    await this.marks?.beforeRelease(to);
    const bytes = this.#file.release(from, to);
    if (bytes.from < bytes.to) await this.#options.punch(this.#file.path, bytes.from, bytes.to);
  }
}
