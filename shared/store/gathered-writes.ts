/** Writes a large file as its bytes come: in few calls, and the next bytes are taken while the last ones are written. */
import { writev as writevWithCallback } from "node:fs";
import { promisify } from "node:util";

const writev = promisify(writevWithCallback);

/** Gathered for one call; so much more may be on its way to the disk. */
const GATHERED_BYTES = 1024 * 1024;

/** The writes of one open file, from its start on. Must have settled before the file is closed. */
export class GatheredWrites {
  readonly #fd: number;
  #pieces: Uint8Array[] = [];
  #bytes = 0;
  #writing: Promise<void> = Promise.resolve();

  constructor(fd: number) {
    this.#fd = fd;
  }

  /** Takes bytes, which must not be altered; resolves when there is room for more. */
  async add(piece: Uint8Array): Promise<void> {
    this.#pieces.push(piece);
    this.#bytes += piece.length;
    if (this.#bytes < GATHERED_BYTES) return;
    await this.#writing;
    this.#begin();
  }

  /** Resolves when everything is written. */
  async end(): Promise<void> {
    await this.#writing;
    this.#begin();
    await this.#writing;
  }

  /** Resolves when nothing is being written any more, whatever has become of it. */
  async settled(): Promise<void> {
    await Promise.allSettled([this.#writing]);
  }

  #begin(): void {
    this.#writing = writeAll(this.#fd, this.#pieces);
    this.#writing.catch(() => undefined); // told by the next call
    this.#pieces = [];
    this.#bytes = 0;
  }
}

async function writeAll(fd: number, pieces: readonly Uint8Array[]): Promise<void> {
  let left = pieces;
  while (left.length > 0) left = behind(left, (await writev(fd, left)).bytesWritten);
}

/** What comes after so many bytes: a call may write less than it was given. */
function behind(pieces: readonly Uint8Array[], written: number): Uint8Array[] {
  const left: Uint8Array[] = [];
  let passed = written;
  for (const piece of pieces) {
    if (passed < piece.length) left.push(piece.subarray(passed));
    passed = Math.max(0, passed - piece.length);
  }
  return left;
}
