/**
 * The file that a job writes its output to, as a log that only grows.
 *
 * It is a regular file, so the job can open it once more, by `/dev/stderr` or `/dev/stdout`, and empty it with that. What
 * is in the file then goes on behind all that was seen of it before: a byte's place in the log is its place in the file
 * and `begin`. What the job had written since the last look is gone, and nobody knows how much that was; one byte at
 * least is noted as missing, so whoever reads the log is told that something may be.
 *
 * Emptied is a file that is shorter than before, or begins with other bytes.
 *
 * Invariants: (1) the size never falls. (2) a place in the log never means other bytes than before. (3) `begin` is noted
 * before anything behind it is read.
 */
import { closeSync, openSync, readSync, type Stats, statSync } from "node:fs";
import type { ReleasedLog } from "../workspaces/released-log.ts";

const HEAD_BYTES = 64;

export class LogFile {
  readonly path: string;
  readonly #released: ReleasedLog;
  /** Bytes and time of the last change when it was last looked at. */
  #seenBytes: number;
  #changedMs = 0;
  /** What it began with when that was read; nothing once that may have been released. */
  #head: Uint8Array = new Uint8Array();

  constructor(path: string, released: ReleasedLog) {
    this.path = path;
    this.#released = released;
    this.#seenBytes = Math.max(0, released.storedBytes - released.begin);
  }

  /** Bytes of the log so far. */
  size(): number {
    const found = statSync(this.path, { throwIfNoEntry: false });
    if (found === undefined) return this.#released.begin + this.#seenBytes;
    if (this.#isEmptied(found)) {
      this.#released.noteEmptied(this.#released.begin + this.#seenBytes + 1);
      this.#head = new Uint8Array();
    }
    this.#seenBytes = found.size;
    this.#changedMs = found.mtimeMs;
    return this.#released.begin + found.size;
  }

  /** Reads bytes at a place in the log into the buffer, as many as are there. */
  read(place: number, buffer: Uint8Array): Uint8Array {
    const bytes = this.#readAt(place - this.#released.begin, buffer);
    if (place === this.#released.begin) this.#head = Buffer.from(bytes.subarray(0, HEAD_BYTES));
    return bytes;
  }

  /** Where the bytes between two places in the log are in the file, once they need not be there any more. */
  release(from: number, to: number): { readonly from: number; readonly to: number } {
    const { begin } = this.#released;
    if (from - begin < HEAD_BYTES) this.#head = new Uint8Array();
    return { from: Math.max(0, from - begin), to: Math.max(0, to - begin) };
  }

  #isEmptied({ size, mtimeMs }: Stats): boolean {
    if (size < this.#seenBytes) return true;
    if (this.#head.length === 0 || (size === this.#seenBytes && mtimeMs === this.#changedMs)) return false;
    return Buffer.compare(this.#readAt(0, Buffer.allocUnsafe(this.#head.length)), this.#head) !== 0;
  }

  #readAt(position: number, buffer: Uint8Array): Uint8Array {
    const file = openSync(this.path, "r");
    try {
      return buffer.subarray(0, readSync(file, buffer, 0, buffer.length, position));
    } finally {
      closeSync(file);
    }
  }
}
