/**
 * One census at a time, for all who ask: a host's agent that ends hundreds of attempts at once looks at /proc a few times,
 * not hundreds of times side by side.
 *
 * Safe: what is given was begun after it was asked for. Live: whoever asks during a census shares the next one.
 */
import { type CensusEntry, takeCensus } from "./process-census.ts";

export class SharedCensus {
  readonly #take: () => Promise<CensusEntry[]>;
  #latest: Promise<unknown> = Promise.resolve();
  #next: Promise<CensusEntry[]> | undefined;

  constructor(take: () => Promise<CensusEntry[]> = takeCensus) {
    this.#take = take;
  }

  take(): Promise<readonly CensusEntry[]> {
    this.#next ??= this.#begin();
    return this.#next;
  }

  async #begin(): Promise<CensusEntry[]> {
    await this.#latest;
    this.#next = undefined;
    const census = this.#take();
    this.#latest = census;
    return census;
  }
}
