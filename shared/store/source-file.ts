/**
 * A file of a workspace, opened so that nothing but a plain file is read: a link or a pipe put in its place meanwhile
 * is refused, not followed and not waited for.
 */
import { closeSync, constants, fstatSync, openSync, readSync, read as readWithCallback } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { reasonOf } from "../model/error.ts";
import { OutputError } from "./output-error.ts";

const read = promisify(readWithCallback);

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
    // Not a stream: one that is left before its end closes the file, which is ours to close.
    for (let position = 0; position < this.size; ) {
      const length = Math.min(PIECE_BYTES, this.size - position);
      const { bytesRead, buffer } = await read(this.#fd, Buffer.allocUnsafe(length), 0, length, position);
      if (bytesRead === 0) throw changed(this.#path);
      position += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
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
    const reason = reasonOf(cause);
    throw new OutputError("badOutput", `output ${path} cannot be read: ${reason}`, cause);
  }
}
