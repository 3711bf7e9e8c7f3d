/**
 * The logs of an agent's attempts that are not stored yet, under one limit for all: when they pass it, the longest
 * loses the older half of what waits. So a server that is away costs disk up to the limit, no job waits for it, and a
 * chatty job pays before a quiet one.
 *
 * Invariant: after a note the sum of the logs as last noted is within the limit.
 */

/** One log, as far as it waits on disk. */
export interface WaitingLog {
  backlogBytes(): number;
  /** Gives up the older half of it; fewer bytes wait afterwards. */
  cut(): void;
}

export class LogBacklog {
  readonly #limitBytes: number;
  readonly #noted = new Map<WaitingLog, number>();
  #totalBytes = 0;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
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
