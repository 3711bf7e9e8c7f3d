/** Ticks only while there is something to see to: an agent without work sleeps from one heartbeat to the next. */
import type { Cancel } from "../../shared/actor/contract.ts";

export class Pulse {
  #stop: Cancel | undefined;
  #ticks = 0;

  /** Goes on, begins or ends; `start` lets it tick. */
  keep(isNeeded: boolean, start: () => Cancel): void {
    if (isNeeded) this.#stop ??= start();
    else if (this.#stop !== undefined) {
      this.#stop();
      this.#stop = undefined;
    }
  }

  /** Counts a tick; every nth is one. */
  isNth(n: number): boolean {
    this.#ticks += 1;
    return this.#ticks % n === 0;
  }
}
