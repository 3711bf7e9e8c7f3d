/**
 * An attempt's log on its way from the file, which the job writes, to the stream.
 *
 * The job never waits for us: it writes to the file, and we read behind it by offset, as fast as the stream takes it.
 * What the stream has acknowledged is punched out of the file, so a chatty job does not fill the disk with what is
 * stored elsewhere. What is written after the command's end is not part of the log.
 *
 * Invariants: (1) `read` <= size; bytes are handed over once, in order. (2) one `ship` at a time; one that comes
 * meanwhile makes the first go on. (3) nothing is punched that is not acknowledged.
 */
import { closeSync, openSync, readSync, statSync } from "node:fs";

/** Where the bytes go. */
export interface LogSink {
  /** Takes the next bytes; resolves when there is room for more. */
  write(bytes: Uint8Array): Promise<void>;
  /** How many bytes from the start are stored. */
  acknowledgedBytes(): number;
  /** Nothing more comes; resolves when all of it is stored. */
  end(): Promise<void>;
}

const CHUNK_BYTES = 128 * 1024;
const PUNCH_BYTES = 32 * 2 ** 20;

export interface AttemptLogOptions {
  readonly path: string;
  /** Called when there is something to ship: a job without output costs nothing. */
  readonly openSink: () => LogSink;
  /** Frees the disk under the first bytes of the file. */
  readonly punch: (path: string, bytes: number) => Promise<void>;
}

export class AttemptLog {
  readonly #options: AttemptLogOptions;
  #sink: LogSink | undefined;
  #readBytes = 0;
  #punchedBytes = 0;
  #finalBytes: number | undefined;
  #shipping: Promise<void> | undefined;

  constructor(options: AttemptLogOptions) {
    this.#options = options;
  }

  /** Bytes of the log so far; of the whole log once it is closed. */
  size(): number {
    return this.#finalBytes ?? statSync(this.#options.path, { throwIfNoEntry: false })?.size ?? 0;
  }

  /** The command has ended: what is there now is all. */
  close(): number {
    this.#finalBytes = this.size();
    return this.#finalBytes;
  }

  /** Hands over what has been written since; resolves when it is handed over, not when it is stored. */
  ship(): Promise<void> {
    this.#shipping ??= this.#shipAll().finally(() => {
      this.#shipping = undefined;
    });
    return this.#shipping;
  }

  /** Resolves when all of a closed log is stored. */
  async stored(): Promise<void> {
    if (this.size() === 0) return;
    await this.ship();
    await this.#sink?.end();
  }

  async #shipAll(): Promise<void> {
    while (this.#readBytes < this.size()) {
      this.#sink ??= this.#options.openSink();
      const bytes = this.#read(Math.min(CHUNK_BYTES, this.size() - this.#readBytes));
      this.#readBytes += bytes.length;
      await this.#sink.write(bytes);
      await this.#punch(this.#sink.acknowledgedBytes());
    }
  }

  #read(length: number): Uint8Array {
    const file = openSync(this.#options.path, "r");
    try {
      const bytes = Buffer.allocUnsafe(length);
      return bytes.subarray(0, readSync(file, bytes, 0, length, this.#readBytes));
    } finally {
      closeSync(file);
    }
  }

  async #punch(acknowledgedBytes: number): Promise<void> {
    if (acknowledgedBytes - this.#punchedBytes < PUNCH_BYTES) return;
    this.#punchedBytes = acknowledgedBytes;
    await this.#options.punch(this.#options.path, acknowledgedBytes);
  }
}
