/** Cuts a source's pieces, of whatever length, to chunks of one length; the last one may be shorter, none is empty. */
export async function* cutChunks(
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  chunkBytes: number,
): AsyncGenerator<Uint8Array> {
  let held: Uint8Array[] = [];
  let heldBytes = 0;
  for await (const piece of source) {
    for (let from = 0; from < piece.length; ) {
      const taken = piece.subarray(from, from + chunkBytes - heldBytes);
      held.push(taken);
      heldBytes += taken.length;
      from += taken.length;
      if (heldBytes < chunkBytes) break;
      yield joined(held);
      held = [];
      heldBytes = 0;
    }
  }
  if (heldBytes > 0) yield joined(held);
}

/** A piece that is a chunk already is not copied. */
function joined(pieces: Uint8Array[]): Uint8Array {
  return pieces.length === 1 ? (pieces[0] as Uint8Array) : Buffer.concat(pieces);
}
