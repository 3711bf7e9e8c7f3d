/**
 * Notices that the wall clock was set: records carry its times, and waits are differences of them. What it has moved
 * against the monotonic clock is told once it is more than drift would make it in minutes.
 */
export class ClockWatch {
  #offsetMs: number;

  constructor(wallMs: number, monotonicMs: number) {
    this.#offsetMs = wallMs - monotonicMs;
  }

  /** By how much the wall clock was set since the last time that it was told; 0 when it was not. */
  onRead(wallMs: number, monotonicMs: number): number {
    const movedMs = Math.round(wallMs - monotonicMs - this.#offsetMs);
    if (Math.abs(movedMs) < NOTABLE_MS) return 0;
    this.#offsetMs += movedMs;
    return movedMs;
  }
}

const NOTABLE_MS = 500;
