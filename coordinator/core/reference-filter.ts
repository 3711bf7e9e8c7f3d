/**
 * A set of references in memory of a fixed size: a Bloom filter. It may take a name for a member that is none, and
 * never the other way round, so whoever removes what is not in it removes nothing that was added. Each filter has a
 * seed of its own: what one mistakes for a member the next one most likely does not.
 */

/** A name reduced to 64 bits. */
export interface Fingerprint {
  readonly high: number;
  readonly low: number;
}

/** 8 MiB: a million references with less than one mistake in a million, ten million with one in twenty-five. */
const DEFAULT_BITS = 2 ** 26;
const PROBES = 7;

export class ReferenceFilter {
  readonly #words: Uint32Array;
  readonly #mask: number;
  readonly #seed: number;

  /** `fraction` in [0, 1) makes the seed; `bits` is a power of two. */
  constructor(fraction: number, bits: number = DEFAULT_BITS) {
    this.#words = new Uint32Array(bits / 32);
    this.#mask = bits - 1;
    this.#seed = Math.floor(fraction * 2 ** 32);
  }

  add({ high, low }: Fingerprint): void {
    for (let probe = 0; probe < PROBES; probe += 1) {
      const bit = this.#bitOf(high, low, probe);
      this.#words[bit >>> 5] = (this.#words[bit >>> 5] as number) | (1 << (bit & 31));
    }
  }

  /** False for certain, true in all likelihood. */
  has({ high, low }: Fingerprint): boolean {
    for (let probe = 0; probe < PROBES; probe += 1) {
      const bit = this.#bitOf(high, low, probe);
      if (((this.#words[bit >>> 5] as number) & (1 << (bit & 31))) === 0) return false;
    }
    return true;
  }

  #bitOf(high: number, low: number, probe: number): number {
    const start = mix(high ^ this.#seed);
    const step = mix(low + this.#seed) | 1;
    return (start + Math.imul(probe, step)) & this.#mask;
  }
}

/** The fingerprint of a name: two FNV-1a hashes of its characters, from different starts. */
export function fingerprintOf(name: string): Fingerprint {
  let high = 0x811c9dc5;
  let low = 0x9747b28c;
  for (let index = 0; index < name.length; index += 1) {
    const unit = name.charCodeAt(index);
    high = Math.imul(high ^ unit, 0x01000193);
    low = Math.imul(low ^ (unit + index), 0x01000193);
  }
  return { high: mix(high), low: mix(low) };
}

/** Spreads the bits of a number over all of them (the last steps of MurmurHash3). */
function mix(value: number): number {
  let mixed = value | 0;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
