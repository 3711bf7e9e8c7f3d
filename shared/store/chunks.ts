/** Buffers of one length that are used again: a large object does not leave a trail of garbage as long as itself. */
export class ChunkBuffers {
  readonly bytes: number;
  readonly #most: number;
  readonly #free: ArrayBuffer[] = [];

  /** Keeps at most so many that nobody uses. */
  constructor(bytes: number, most: number) {
    this.bytes = bytes;
    this.#most = most;
  }

  take(): Uint8Array {
    return new Uint8Array(this.#free.pop() ?? Buffer.allocUnsafeSlow(this.bytes).buffer);
  }

  /** Gives back one of these, or the part of it that was in use; nobody looks at it any more. */
  give({ buffer }: Uint8Array): void {
    if (this.#free.length < this.#most) this.#free.push(buffer as ArrayBuffer);
  }
}

/**
 * Cuts a source's pieces, of whatever length, to chunks of one length; the last one may be shorter, none is empty. A piece
 * is read before the next one is asked for, and a chunk is whoever's who got it.
 */
export async function* cutChunks(
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  chunkBytes: number,
  buffers: ChunkBuffers,
): AsyncGenerator<Uint8Array> {
  let chunk: Uint8Array | undefined;
  let filled = 0;
  for await (const piece of source) {
    for (let from = 0; from < piece.length; ) {
      chunk ??= buffers.take();
      const taken = piece.subarray(from, from + chunkBytes - filled);
      chunk.set(taken, filled);
      filled += taken.length;
      from += taken.length;
      if (filled < chunkBytes) break;
      yield chunk.subarray(0, filled);
      chunk = undefined;
      filled = 0;
    }
  }
  if (chunk !== undefined) yield chunk.subarray(0, filled);
}
