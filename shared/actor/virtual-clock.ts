/**
 * Time for simulations: it stands still until told to go on, then jumps from one thing due to the next.
 *
 * 1. Time goes in whole milliseconds, so sums and differences of times are exact; a delay is rounded up.
 * 2. What is due runs in order of its time, and of its scheduling where the times are equal.
 * 3. Between two of them every promise that can go on has gone on, so asynchronous handlers are simulated too. Only
 *    what waits for the real world (a socket, a file) is not.
 * 4. The event loop comes round every so often, so that whoever watches a long simulation is not shut out.
 */
import type { Cancel, Clock } from "./contract.ts";

/** More callbacks than this in one instant mean that something goes round in circles. */
const MAX_PER_INSTANT = 1_000_000;
const STEPS_PER_TURN = 2_000;
const DEFAULT_START = Date.UTC(2030, 0, 1);

interface Due {
  readonly atMs: number;
  readonly order: number;
  run: (() => void) | undefined;
}

export class VirtualClock implements Clock {
  private readonly startedAt: number;
  private readonly heap: Due[] = [];
  private elapsedMs = 0;
  private scheduled = 0;
  private cancelled = 0;
  private inInstant = 0;
  private settled = 0;

  /** @param startedAt what `now` says at the beginning */
  constructor(startedAt: number = DEFAULT_START) {
    this.startedAt = startedAt;
  }

  now(): number {
    return this.startedAt + this.elapsedMs;
  }

  monotonicMs(): number {
    return this.elapsedMs;
  }

  /** What waits for its time. */
  get pending(): number {
    return this.heap.length - this.cancelled;
  }

  schedule(delayMs: number, run: () => void): Cancel {
    const due: Due = { atMs: this.elapsedMs + Math.max(0, Math.ceil(delayMs)), order: this.scheduled++, run };
    this.insert(due);
    return () => {
      if (due.run === undefined) return;
      due.run = undefined;
      this.cancelled++;
    };
  }

  /** Lets time pass, and everything happen that is due in it. A throw in what runs comes out here. */
  async advance(byMs: number): Promise<void> {
    const untilMs = this.elapsedMs + byMs;
    await this.settle();
    while (this.step(untilMs)) await this.settle();
    this.moveTo(untilMs);
  }

  /** Lets time pass until the condition holds; false when it does not within the limit. */
  async runUntil(condition: () => boolean, limitMs = 3_600_000): Promise<boolean> {
    const untilMs = this.elapsedMs + limitMs;
    await this.settle();
    while (!condition()) {
      if (!this.step(untilMs)) return false;
      await this.settle();
    }
    return true;
  }

  /** Every promise that can go on has gone on: Node.js turns to ticks only when no promise is left to go on with. */
  private settle(): Promise<void> {
    const isTurnOver = ++this.settled % STEPS_PER_TURN === 0;
    return new Promise((resolve) => {
      if (isTurnOver) setImmediate(resolve);
      else process.nextTick(resolve);
    });
  }

  /** Runs the next thing due up to a time; false when there is none. */
  private step(untilMs: number): boolean {
    for (;;) {
      const due = this.heap[0];
      if (due === undefined || due.atMs > untilMs) return false;
      this.removeFirst();
      const { run } = due;
      if (run === undefined) {
        this.cancelled--;
        continue;
      }
      this.moveTo(due.atMs);
      if (++this.inInstant > MAX_PER_INSTANT) {
        throw new Error(`no end of things to do at ${this.elapsedMs} ms of virtual time`);
      }
      due.run = undefined;
      run();
      return true;
    }
  }

  private moveTo(atMs: number): void {
    if (atMs > this.elapsedMs) this.inInstant = 0;
    this.elapsedMs = Math.max(this.elapsedMs, atMs);
  }

  private insert(due: Due): void {
    const { heap } = this;
    let index = heap.push(due) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!isBefore(due, heap[parent]!)) break;
      heap[index] = heap[parent]!;
      index = parent;
    }
    heap[index] = due;
  }

  private removeFirst(): void {
    const { heap } = this;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++;
      if (!isBefore(heap[child]!, last)) break;
      heap[index] = heap[child]!;
      index = child;
    }
    heap[index] = last;
  }
}

function isBefore(one: Due, other: Due): boolean {
  return one.atMs < other.atMs || (one.atMs === other.atMs && one.order < other.order);
}
