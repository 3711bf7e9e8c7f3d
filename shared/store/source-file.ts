/**
 * A file of a workspace, opened so that nothing but a plain file is read: a link or a pipe put in its place meanwhile
 * is refused, not followed and not waited for.
 */
import { closeSync, constants, createReadStream, fstatSync, openSync, readSync } from "node:fs";
import { join } from "node:path";
import { OutputError } from "./output-error.ts";

/** Up to this size a file is read whole, with synchronous calls. */
export const SMALL_FILE_BYTES = 256 * 1024;
const PIECE_BYTES = 512 * 1024;
const FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** An open file; must be closed. */
export class SourceFile {
  readonly size: number;
  readonly executable: boolean;
  readonly #path: string;
  readonly #fd: number;

  constructor(root: string, path: string) {
    this.#path = path;
    this.#fd = attempt(path, () => openSync(join(root, path), FLAGS));
    const status = fstatSync(this.#fd);
    this.size = status.size;
    this.executable = (status.mode & 0o100) !== 0;
    if (!status.isFile()) {
      this.close();
      throw new OutputError("badOutput", `output ${path} is no longer a file`);
    }
  }

  get isSmall(): boolean {
    return this.size <= SMALL_FILE_BYTES;
  }

  /** The whole of a small file. */
  readWhole(): Buffer {
    const bytes = Buffer.allocUnsafe(this.size);
    let filled = 0;
    while (filled < this.size) {
      const read = attempt(this.#path, () => readSync(this.#fd, bytes, filled, this.size - filled, filled));
      if (read === 0) throw changed(this.#path);
      filled += read;
    }
    return bytes;
  }

  /** The bytes that were there when it was opened, in pieces. */
  async *pieces(): AsyncGenerator<Buffer> {
    let left = this.size;
    if (left === 0) return;
    const options = { fd: this.#fd, autoClose: false, start: 0, end: left - 1, highWaterMark: PIECE_BYTES };
    for await (const piece of createReadStream("", options)) {
      left -= (piece as Buffer).length;
      yield piece as Buffer;
    }
    if (left !== 0) throw changed(this.#path);
  }

  close(): void {
    closeSync(this.#fd);
  }
}

/** The file is not what it was when its digest was taken. */
export function changed(path: string): OutputError {
  return new OutputError("badOutput", `output ${path} changed while it was stored`);
}

function attempt<T>(path: string, call: () => T): T {
  try {
    return call();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new OutputError("badOutput", `output ${path} cannot be read: ${reason}`, cause);
  }
}
