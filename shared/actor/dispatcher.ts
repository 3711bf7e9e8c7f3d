/**
 * Gives each actor that has something to do its turn, in order of arrival.
 *
 * A slice is one callback of the clock. It ends when nobody is ready, when `SLICE_MS` are over or after `SLICE_MESSAGES`
 * (which bounds it where time stands still, as in a simulation); what is left waits for the next one, and a clock lets
 * input through between two callbacks without delay. So the event loop is held for about SLICE_MS and the longest
 * batch of handlers, however busy the actors are. No actor is in the queue twice (its own flag sees to it), and a
 * batch of one actor is `BATCH` messages at most, so nobody starves.
 */
import type { Clock } from "./contract.ts";
import { Ring } from "./ring.ts";

const SLICE_MS = 6;
const SLICE_MESSAGES = 20_000;
const BATCH = 16;

/** Handles up to `batch` messages, and says how many steps it took. */
export interface Runnable {
  run(batch: number): number;
}

export class Dispatcher {
  private readonly clock: Clock;
  private readonly ready = new Ring<Runnable>();
  private readonly sliceMessages: number;
  private isArmed = false;
  private isSlicing = false;

  constructor(clock: Clock, sliceMessages = SLICE_MESSAGES) {
    this.clock = clock;
    this.sliceMessages = sliceMessages;
  }

  enqueue(runnable: Runnable): void {
    this.ready.push(runnable);
    if (!this.isArmed && !this.isSlicing) this.arm();
  }

  private arm(): void {
    this.isArmed = true;
    this.clock.schedule(0, this.slice);
  }

  private readonly slice = (): void => {
    this.isArmed = false;
    this.isSlicing = true;
    const deadlineMs = this.clock.monotonicMs() + SLICE_MS;
    let total = 0;
    let sinceLook = 0;
    try {
      while (this.ready.length > 0 && total < this.sliceMessages) {
        const steps = this.ready.shift()!.run(BATCH);
        total += steps;
        sinceLook += steps;
        if (sinceLook < BATCH) continue;
        sinceLook = 0;
        if (this.clock.monotonicMs() >= deadlineMs) break;
      }
    } finally {
      this.isSlicing = false;
      if (this.ready.length > 0) this.arm();
    }
  };
}
