import type { Randomness } from "../../shared/actor/contract.ts";

/** Draws of a simulation: all of them from one seeded source. */
export class Chance {
  readonly #randomness: Randomness;

  constructor(randomness: Randomness) {
    this.#randomness = randomness;
  }

  /** A whole number from `least` to `most`. */
  between(least: number, most: number): number {
    return least + Math.floor(this.#randomness.fraction() * (most - least + 1));
  }

  happens(probability: number): boolean {
    return this.#randomness.fraction() < probability;
  }

  pick<T>(items: readonly T[]): T {
    const picked = items[this.between(0, items.length - 1)];
    if (picked === undefined) throw new Error("nothing to pick from");
    return picked;
  }

  /** Small numbers mostly, large ones now and then. */
  skewed(least: number, most: number): number {
    return least + Math.floor(this.#randomness.fraction() ** 4 * (most - least + 1));
  }
}
