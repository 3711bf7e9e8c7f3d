/**
 * One stream of this process's output, written in few pieces: what is given within a few milliseconds goes out together,
 * since each write to a pipe is a system call that wakes the reader, and a run has thousands of events.
 *
 * Invariants:
 * 1. Data leaves in the order it was given, and all of it once `flush` has been called.
 * 2. A writer waits exactly while the stream has no room; one that has failed makes nobody wait.
 */
import type { Writable } from "node:stream";

const GATHER_MS = 10;
/** More than this is not gathered but written. */
const MAX_PENDING_CHARACTERS = 64 * 1024;

export class OutputStream {
  readonly #stream: Writable;
  #pending = "";
  #isScheduled = false;
  #hasRoom = true;
  #hasFailed = false;
  #waiting: (() => void)[] = [];

  /** `onFailure` is called once, when nothing can be written any more: with EPIPE when nobody reads the other end. */
  constructor(stream: Writable, onFailure: (error: NodeJS.ErrnoException) => void) {
    this.#stream = stream;
    stream.on("drain", () => {
      this.#hasRoom = true;
      this.#release();
    });
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (this.#hasFailed) return;
      this.#hasFailed = true;
      this.#release();
      onFailure(error);
    });
  }

  /** Resolves when there is room for more. */
  async write(data: string | Uint8Array): Promise<void> {
    if (this.#hasFailed) return;
    if (typeof data === "string") {
      this.#pending += data;
      if (this.#pending.length >= MAX_PENDING_CHARACTERS) this.flush();
      else this.#flushSoon();
    } else {
      this.flush();
      this.#send(data);
    }
    if (!this.#hasRoom) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  /** Hands what is pending to the stream now. */
  flush(): void {
    const text = this.#pending;
    this.#pending = "";
    if (text !== "") this.#send(text);
  }

  #flushSoon(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setTimeout(() => {
      this.#isScheduled = false;
      this.flush();
    }, GATHER_MS);
  }

  #send(data: string | Uint8Array): void {
    if (!this.#hasFailed) this.#hasRoom = this.#stream.write(data);
  }

  #release(): void {
    const released = this.#waiting;
    this.#waiting = [];
    for (const resolve of released) resolve();
  }
}
