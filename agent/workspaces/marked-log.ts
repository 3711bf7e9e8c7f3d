/**
 * The marks in one attempt's log, read behind the job as it writes. It does not wait for the log to be shipped: a verdict
 * needs no server.
 *
 * What is read is noted beside the control files when it has said something, and before bytes of the log go. So a
 * successor reads on behind the note, all that it needs is still there, and what it reads twice says the same twice.
 */
import { join } from "node:path";
import {
  endMarks,
  type MarkedLog,
  markedLogSchema,
  readMarks,
  skipMarks,
  unreadLog,
} from "../core/log-marks.ts";
import { readFile, replaceFile } from "../runners/whole-file.ts";

/** The log's bytes by their places, as far as they are there. */
export interface LogBytes {
  /** Where the first byte is that is there. */
  readonly begin: () => number;
  readonly size: () => number;
  readonly read: (place: number, length: number) => Uint8Array;
}

const CHUNK_BYTES = 256 * 1024;
/** Read in one go; a job that writes faster is caught up with at its end at the latest. */
const MAX_LOOK_BYTES = 4 * 2 ** 20;

export class MarkedLogFile {
  readonly #path: string;
  readonly #bytes: LogBytes;
  readonly #log: MarkedLog;
  #notedBytes: number;

  constructor(control: string, bytes: LogBytes, isLeftover: boolean) {
    this.#path = join(control, "marks");
    this.#bytes = bytes;
    this.#log = (isLeftover ? readFile(this.#path, markedLogSchema) : undefined) ?? unreadLog();
    // While nobody looked the job has emptied the file.
    if (isLeftover && bytes.size() < this.#log.readBytes) skipMarks(this.#log, bytes.begin());
    this.#notedBytes = this.#log.readBytes;
  }

  /** What the marks have said so far. */
  get said(): Readonly<Pick<MarkedLog, "phase" | "percent" | "saysOk" | "error">> {
    return this.#log;
  }

  /** Reads on, up to a place and not for long; says whether there is nothing more to read before it. */
  look(upTo: number): boolean {
    let changed = false;
    let isAllThere = false;
    const most = this.#log.readBytes + MAX_LOOK_BYTES;
    while (this.#log.readBytes < Math.min(upTo, most)) {
      // The job has emptied the file.
      if (this.#log.readBytes < this.#bytes.begin()) skipMarks(this.#log, this.#bytes.begin());
      const { readBytes } = this.#log;
      const bytes = this.#read(readBytes, Math.min(CHUNK_BYTES, upTo - readBytes));
      isAllThere = bytes.length === 0;
      if (isAllThere) break;
      changed = readMarks(this.#log, bytes) || changed;
    }
    if (changed) this.#tryToNote();
    return isAllThere || this.#log.readBytes >= upTo;
  }

  /** Bytes up to a place are about to go: all that is in them is read, and noted. */
  async beforeRelease(upTo: number): Promise<void> {
    await this.#readTo(upTo);
    if (this.#notedBytes < this.#log.readBytes) this.#note();
  }

  /** The log is closed, at this length. */
  async end(bytes: number): Promise<void> {
    await this.#readTo(bytes);
    if (endMarks(this.#log)) this.#note();
  }

  async #readTo(upTo: number): Promise<void> {
    while (!this.look(upTo)) await new Promise((resolve) => setImmediate(resolve));
  }

  /** A file that somebody has removed has nothing more to say. */
  #read(place: number, length: number): Uint8Array {
    try {
      return this.#bytes.read(place, length);
    } catch {
      // As when it can't be shipped, which is told.
      return new Uint8Array();
    }
  }

  #tryToNote(): void {
    try {
      this.#note();
    } catch {
      // The next time does; before bytes of the log go it has to.
    }
  }

  #note(): void {
    replaceFile(this.#path, this.#log);
    this.#notedBytes = this.#log.readBytes;
  }
}
