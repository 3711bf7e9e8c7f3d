/**
 * How long the coordinator has listened: the clock by which the silence of others is judged. It goes by echoes: the
 * coordinator sends itself a message now and then, over the way that the others' messages take. Without a connection,
 * with a server that does not answer, and while this process itself did not run, there are none and the clock stands.
 *
 * Safe: 1. with an echo it advances by no more than `longestStepMs`, without one by nothing; so whoever is called silent
 * was silent while somebody could hear. Live: 2. while echoes come, it keeps pace with time.
 */
export class ListeningClock {
  readonly #longestStepMs: number;
  #listenedMs = 0;
  #echoAtMs: number;

  constructor(nowMs: number, longestStepMs: number) {
    this.#echoAtMs = nowMs;
    this.#longestStepMs = longestStepMs;
  }

  get nowMs(): number {
    return this.#listenedMs;
  }

  /** Returns whether an outage has ended: the others may take a while to come back, too. */
  onEcho(nowMs: number): boolean {
    const stepMs = nowMs - this.#echoAtMs;
    this.#echoAtMs = nowMs;
    this.#listenedMs += Math.min(stepMs, this.#longestStepMs);
    return stepMs > this.#longestStepMs;
  }
}
