/**
 * Who runs what, by its keys, so that nobody else runs the same at that time.
 *
 * 1. A key has at most one holder. 2. What a job holds is free when it is released, or its run is.
 */
import type { ReuseKeys } from "./record.ts";

/** A job of a run, by its index, and its name. */
export interface Claimant {
  readonly run: string;
  readonly job: number;
  readonly name: string;
}

export class ReuseClaims {
  readonly #holders = new Map<string, Claimant>();
  /** By run, then by job: the keys that it holds. */
  readonly #held = new Map<string, Map<number, readonly string[]>>();

  holderOf(key: string): Claimant | undefined {
    return this.#holders.get(key);
  }

  /** Takes the keys that nobody holds. */
  claim(claimant: Claimant, { key, deepKey }: ReuseKeys): void {
    const { run, job } = claimant;
    this.release(run, job);
    const free = [key, deepKey].filter((wanted) => !this.#holders.has(wanted));
    for (const wanted of free) this.#holders.set(wanted, claimant);
    const jobs = this.#held.get(run);
    if (jobs === undefined) this.#held.set(run, new Map([[job, free]]));
    else jobs.set(job, free);
  }

  /** Gives the keys that are free now. */
  release(run: string, job: number): readonly string[] {
    const jobs = this.#held.get(run);
    const keys = jobs?.get(job) ?? [];
    for (const key of keys) this.#holders.delete(key);
    jobs?.delete(job);
    if (jobs?.size === 0) this.#held.delete(run);
    return keys;
  }

  /** The same for all jobs of a run. */
  releaseRun(run: string): readonly string[] {
    const jobs = [...(this.#held.get(run)?.keys() ?? [])];
    return jobs.flatMap((job) => this.release(run, job));
  }
}
