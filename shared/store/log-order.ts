/**
 * Puts the chunks of one log in order again. A writer sends on before it knows what was stored, and sends everything
 * from the last acknowledged byte again when something was not; so the stream may hold bytes twice, and seldom some
 * ahead of their place.
 *
 * 1. What comes out is each byte from the start on, once and in order, or a record that says how many are missing.
 * 2. Bytes are called lost only when they can't come any more: a later chunk says that they had been stored or cut, the
 *    log has ended, or more is held back than any writer has on its way.
 * Pure: no I/O, no time.
 */

/** A chunk as it is stored: `acknowledged` is how far the log was stored, or cut, for certain when it was sent. */
export interface LogChunk {
  readonly offset: number;
  readonly acknowledged: number;
  readonly bytes: Uint8Array;
}

export type LogPiece =
  | { readonly kind: "bytes"; readonly offset: number; readonly bytes: Uint8Array }
  /** So many bytes that the server no longer holds, or never got: the agent cut them when too many waited. */
  | { readonly kind: "lost"; readonly offset: number; readonly bytes: number };

/** More than a writer has on its way at most. */
const MAX_HELD_BYTES = 4 * 1024 * 1024;

/** The state of one reading. */
export class LogOrder {
  #position: number;
  /** Ahead of their place, by offset. */
  #held: LogChunk[] = [];
  #heldBytes = 0;

  constructor(fromOffset = 0) {
    this.#position = fromOffset;
  }

  /** Offset of the next byte to come out. */
  get position(): number {
    return this.#position;
  }

  /** What can come out now that this chunk is here. */
  take(chunk: LogChunk): LogPiece[] {
    const pieces: LogPiece[] = [];
    this.#hold(chunk);
    this.#release(pieces, chunk.acknowledged);
    while (this.#heldBytes > MAX_HELD_BYTES) this.#release(pieces, this.#held[0]?.offset ?? 0);
    return pieces;
  }

  /** What comes out when nothing more will arrive; `totalBytes` is the log's length where it is known. */
  finish(totalBytes = 0): LogPiece[] {
    const pieces: LogPiece[] = [];
    const last = this.#held.at(-1);
    this.#release(pieces, Math.max(totalBytes, last === undefined ? 0 : last.offset));
    return pieces;
  }

  #hold(chunk: LogChunk): void {
    const after = this.#held.findLastIndex((held) => held.offset <= chunk.offset);
    this.#held.splice(after + 1, 0, chunk);
    this.#heldBytes += chunk.bytes.length;
  }

  /** Lets out what is in its place, and everything up to `upTo`, missing or not. */
  #release(pieces: LogPiece[], upTo: number): void {
    for (let next = this.#held[0]; next !== undefined; next = this.#held[0]) {
      if (next.offset > this.#position && next.offset > upTo) break;
      this.#held.shift();
      this.#heldBytes -= next.bytes.length;
      this.#lose(pieces, next.offset);
      const known = this.#position - next.offset;
      if (known >= next.bytes.length) continue;
      pieces.push({ kind: "bytes", offset: this.#position, bytes: next.bytes.subarray(known) });
      this.#position += next.bytes.length - known;
    }
    this.#lose(pieces, upTo);
  }

  #lose(pieces: LogPiece[], upTo: number): void {
    if (upTo <= this.#position) return;
    pieces.push({ kind: "lost", offset: this.#position, bytes: upTo - this.#position });
    this.#position = upTo;
  }
}
