import { randomFillSync } from "node:crypto";
import type { Randomness } from "./contract.ts";

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const ID_LENGTH = 22;
/** Bytes from here on would favour the first letters. */
const FAIR_LIMIT = 256 - (256 % ALPHABET.length);

/** Unpredictable, from the operating system. */
export function systemRandomness(): Randomness {
  const pool = new Uint8Array(2048);
  let used = pool.length;
  const nextByte = (): number => {
    if (used === pool.length) {
      randomFillSync(pool);
      used = 0;
    }
    return pool[used++]!;
  };
  return {
    id: () => idFrom(nextByte),
    fraction: () => {
      let fraction = 0;
      for (let byte = 0; byte < 6; byte++) fraction = (fraction + nextByte()) / 256;
      return fraction;
    },
  };
}

/** The same seed gives the same values for ever: for simulations (sfc32). */
export function seededRandomness(seed: number): Randomness {
  let a = 0x9e3779b9 | 0;
  let b = seed | 0;
  let c = Math.trunc(seed / 2 ** 32) | 0;
  let counter = 1;
  const next = (): number => {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (c << 21) | (c >>> 11);
    c = (c + sum) | 0;
    return sum >>> 0;
  };
  for (let round = 0; round < 12; round++) next();
  return { id: () => idFrom(() => next() & 0xff), fraction: () => next() / 2 ** 32 };
}

function idFrom(nextByte: () => number): string {
  let id = "";
  while (id.length < ID_LENGTH) {
    const byte = nextByte();
    if (byte < FAIR_LIMIT) id += ALPHABET[byte % ALPHABET.length];
  }
  return id;
}
