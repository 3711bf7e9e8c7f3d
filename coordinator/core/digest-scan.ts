/**
 * Finds the digests in bytes of any format: whatever looks like one is taken for a reference. So a reference counts
 * wherever it stands, in a field that this version does not know as well, and the worst mistake is to keep something.
 *
 * In MessagePack as in JSON a string of 64 characters stands behind a byte that is no hexadecimal digit (its length,
 * a quotation mark), so the leftmost 64 digits of a row are the digest.
 */

const DIGEST_LENGTH = 64;
const pattern = /[0-9a-f]{64}/g;

/** Reads pieces of one document, or of several one after the other with `restart` between them. */
export class DigestScan {
  /** The end of what was read: digits that may go on in the next piece. */
  #rest = "";

  /** The digests that are complete with this piece. */
  read(piece: Uint8Array): string[] {
    const text = this.#rest + Buffer.from(piece.buffer, piece.byteOffset, piece.length).toString("latin1");
    const found: string[] = [];
    let end = 0;
    for (const match of text.matchAll(pattern)) {
      found.push(match[0]);
      end = match.index + DIGEST_LENGTH;
    }
    this.#rest = text.slice(Math.max(end, text.length - DIGEST_LENGTH + 1));
    return found;
  }

  restart(): void {
    this.#rest = "";
  }
}
