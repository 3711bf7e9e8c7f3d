/**
 * Lets long synchronous work give way. Small files are read and written with synchronous calls, as a call through the
 * thread pool costs several times the work itself; between them the event loop gets its turn.
 */
const SLICE_MS = 10;

/** One piece of long work. `if (slice.isOver) await slice.rest()` between its steps. */
export class TimeSlice {
  #started = performance.now();

  get isOver(): boolean {
    return performance.now() - this.#started > SLICE_MS;
  }

  async rest(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    this.#started = performance.now();
  }
}
