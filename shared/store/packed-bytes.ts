/** Memory for the packed entries of one artifact, in few large pieces, from the room that all uploads of a process share. */

/** Bytes that may be kept, by all together. */
export interface KeepingRoom {
  bytes: number;
}

const FIRST_BYTES = 16 * 1024;
const LARGEST_BYTES = 1024 * 1024;

export class PackedBytes {
  readonly #room: KeepingRoom;
  #heldBytes = 0;
  #slab = Buffer.alloc(0);
  /** Where in the slab the part begins that was not cut off yet, and where it ends. */
  #from = 0;
  #to = 0;
  #full: Uint8Array[] = [];

  constructor(room: KeepingRoom) {
    this.#room = room;
  }

  /** The place behind what was taken before; undefined when there is no room for so many bytes. */
  take(bytes: number): Buffer | undefined {
    if (this.#to + bytes > this.#slab.length && !this.#makeSlab(bytes)) return undefined;
    this.#to += bytes;
    return this.#slab.subarray(this.#to - bytes, this.#to);
  }

  /** What was taken since the last cut, in order. */
  cut(): Uint8Array[] {
    this.#endSlab();
    return this.#full.splice(0);
  }

  /** Gives the room back. */
  release(): void {
    this.#room.bytes += this.#heldBytes;
    this.#heldBytes = 0;
  }

  #makeSlab(atLeast: number): boolean {
    const bytes = Math.max(atLeast, Math.min(LARGEST_BYTES, FIRST_BYTES + this.#heldBytes));
    if (bytes > this.#room.bytes) return false;
    this.#room.bytes -= bytes;
    this.#heldBytes += bytes;
    this.#endSlab();
    this.#slab = Buffer.allocUnsafe(bytes);
    this.#from = 0;
    this.#to = 0;
    return true;
  }

  #endSlab(): void {
    if (this.#from < this.#to) this.#full.push(this.#slab.subarray(this.#from, this.#to));
    this.#from = this.#to;
  }
}
