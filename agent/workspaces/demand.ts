/**
 * Which attempts of an agent have asked for an artifact. Most artifacts are wanted by one attempt only, which can have
 * what was fetched for it instead of a copy.
 */

/** Artifacts remembered; of one that is forgotten the next attempt is taken for the first. */
const MOST = 10_000;

export class Demand {
  /** The only attempt that has asked for an artifact; null for several. */
  readonly #askers = new Map<string, string | null>();

  /** An attempt asks for an artifact, or somebody who leaves it to others. */
  note(digest: string, attempt: string | null): void {
    const asker = this.#askers.get(digest);
    this.#askers.delete(digest);
    this.#askers.set(digest, asker === undefined || asker === attempt ? attempt : null);
    if (this.#askers.size <= MOST) return;
    const [oldest] = this.#askers.keys();
    if (oldest !== undefined) this.#askers.delete(oldest);
  }

  /** Whether nobody else has asked for it. */
  isOnly(digest: string, attempt: string): boolean {
    return this.#askers.get(digest) === attempt;
  }
}
