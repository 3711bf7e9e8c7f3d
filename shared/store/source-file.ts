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

  /** Reads the whole of a small file to a place of its length. */
  readTo(place: Uint8Array): void {
    for (let filled = 0; filled < this.size; ) {
      const read = attempt(this.#path, () => readSync(this.#fd, place, filled, this.size - filled, filled));
      if (read === 0) throw changed(this.#path);
      filled += read;
    }
  }

  /** The bytes that were there when it was opened; each piece is good until the next one is asked for. */
  async *pieces(): AsyncGenerator<Buffer> {
    // Not a stream: one that is left before its end closes the file, which is ours to close.
    const length = Math.min(PIECE_BYTES, this.size);
    let [free, used] = [Buffer.allocUnsafe(length), Buffer.allocUnsafe(length)];
    let reading = this.#readAhead(free, 0);
    try {
      for (let position = 0; position < this.size; ) {
        const piece = await reading;
        if (piece.length === 0) throw changed(this.#path);
        position += piece.length;
        [free, used] = [used, free];
        reading = this.#readAhead(free, position);
        yield piece;
      }
    } finally {
      // The file must not be closed before.
      await Promise.allSettled([reading]);
    }
  }

  #readAhead(buffer: Buffer, position: number): Promise<Buffer> {
    const length = Math.min(buffer.length, this.size - position);
    if (length === 0) return Promise.resolve(buffer.subarray(0, 0));
    const reading = read(this.#fd, buffer, 0, length, position).then(({ bytesRead }) =>
      buffer.subarray(0, bytesRead),
    );
    reading.catch(() => undefined); // told to whoever awaits the piece, if anybody does
    return reading;
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
