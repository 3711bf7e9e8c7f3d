/**
 * The logs of an agent's attempts that are not stored yet, under one limit for all: when they pass it, the longest
 * loses the older half of what waits. So a server that is away costs disk up to the limit, no job waits for it, and a
 * chatty job pays before a quiet one.
 *
 * Invariant: after a note the sum of the logs as last noted is within the limit.
 */

/** To free the disk under a log holds the agent up for some milliseconds. */
const LARGEST_RELEASE_BYTES = 128 * 2 ** 20;
const RELEASE_SHARE = 8;

/** One log, as far as it waits on disk. */
export interface WaitingLog {
  backlogBytes(): number;
  /** Gives up the older half of it; fewer bytes wait afterwards. */
  cut(): void;
}

export class LogBacklog {
  readonly #limitBytes: number;
  /** So much of a log stays on disk after it is stored, until all of that goes at once. */
  readonly releaseBytes: number;
  readonly #noted = new Map<WaitingLog, number>();
  #totalBytes = 0;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
    this.releaseBytes = Math.min(LARGEST_RELEASE_BYTES, Math.ceil(limitBytes / RELEASE_SHARE));
  }

  /** The log has grown, or some of it was handed over. */
  note(log: WaitingLog): void {
    this.#set(log, log.backlogBytes());
    while (this.#totalBytes > this.#limitBytes) {
      const longest = this.#longest();
      longest.cut();
      this.#set(longest, longest.backlogBytes());
    }
  }

  #set(log: WaitingLog, bytes: number): void {
    this.#totalBytes += bytes - (this.#noted.get(log) ?? 0);
    if (bytes === 0) this.#noted.delete(log);
    else this.#noted.set(log, bytes);
  }

  #longest(): WaitingLog {
    return [...this.#noted].reduce((longest, next) => (next[1] > longest[1] ? next : longest))[0];
  }
}
