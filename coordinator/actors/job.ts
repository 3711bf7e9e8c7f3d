/**
 * A job actor: waits for the results of its needs on their subjects, asks the scheduler for a slot when all are in,
 * and publishes its own result when it is final. Made when first touched, gone when final.
 *
 *   collecting ──all results in──▶ asking ──settled──▶ (published, stopped)
 *                                   ▲   │
 *                                   └───┘ askSlot again after a retry or a return
 *
 * Safe: 1. it never starts anything: the run actor refuses a grant for a job that is not ready by the journal, so a
 * forged or repeated result does no harm. Live: 2. a lost result is told again by the run actor's re-check.
 */
import type { Behaviour, Context } from "../../shared/actor/contract.ts";
import type { DependencyResult } from "../../shared/model/event.ts";
import type { JobMessage } from "./messages.ts";

/** The world as a job actor sees it. */
export interface JobSurroundings {
  /** Indexes of the jobs it needs. */
  readonly needs: Int32Array;
  /** How many jobs the graph has. */
  readonly graphSize: number;
  askSlot(): void;
  publish(result: DependencyResult): void;
}

/** Up to this many needs are found by searching; more get a bit for each job of the graph. */
const SEARCHED_NEEDS = 32;

export class JobActor implements Behaviour<JobMessage> {
  readonly #surroundings: JobSurroundings;
  #missing: number;
  /** A bit per need (few) or per job of the graph (many); made with the first result. */
  #received: Uint8Array | undefined;

  constructor(surroundings: JobSurroundings) {
    this.#surroundings = surroundings;
    this.#missing = surroundings.needs.length;
  }

  receive(message: JobMessage, context: Context<JobMessage>): void {
    switch (message.kind) {
      case "needResult":
        if (this.#mark(message.need) && this.#missing === 0) this.#surroundings.askSlot();
        return;
      case "askSlot":
        if (message.delayMs > 0) context.after(message.delayMs, { kind: "slotDue" });
        else this.#surroundings.askSlot();
        return;
      case "slotDue":
        this.#surroundings.askSlot();
        return;
      case "settled":
        if (message.result !== null) this.#surroundings.publish(message.result);
        context.stop();
    }
  }

  /** Whether this result was missing until now. */
  #mark(need: number): boolean {
    const { needs, graphSize } = this.#surroundings;
    const bit = needs.length <= SEARCHED_NEEDS ? needs.indexOf(need) : need;
    if (bit < 0 || bit >= graphSize) return false;
    this.#received ??= new Uint8Array(((needs.length <= SEARCHED_NEEDS ? needs.length : graphSize) + 7) >> 3);
    const mask = 1 << (bit & 7);
    const byte = this.#received[bit >> 3] ?? 0;
    if ((byte & mask) !== 0) return false;
    this.#received[bit >> 3] = byte | mask;
    this.#missing -= 1;
    return true;
  }
}
