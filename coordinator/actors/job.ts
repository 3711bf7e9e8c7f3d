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
import { type Graph, targetsOf } from "../../shared/model/graph.ts";
import type { JobMessage } from "./messages.ts";

/** The world as the job actors of one run see it. */
export interface JobSurroundings {
  readonly graph: Pick<Graph, "size" | "needs">;
  askSlot(job: number): void;
  publish(result: DependencyResult): void;
}

/** Up to so many needs are found by searching, and have a bit each in a number; more have one for each job of the graph. */
const SEARCHED_NEEDS = 31;

/** A run has as many of these as jobs, so what it holds is small. */
export class JobActor implements Behaviour<JobMessage> {
  readonly #surroundings: JobSurroundings;
  readonly #index: number;
  #missing: number;
  /** Whose results have come. */
  #received: number | Uint8Array = 0;

  constructor(index: number, surroundings: JobSurroundings) {
    this.#surroundings = surroundings;
    this.#index = index;
    this.#missing = targetsOf(surroundings.graph.needs, index).length;
    if (this.#missing > SEARCHED_NEEDS) this.#received = new Uint8Array((surroundings.graph.size + 7) >> 3);
  }

  receive(message: JobMessage, context: Context<JobMessage>): void {
    switch (message.kind) {
      case "needResult":
        if (this.#mark(message.need) && this.#missing === 0) this.#surroundings.askSlot(this.#index);
        return;
      case "askSlot":
        if (message.delayMs > 0) context.after(message.delayMs, { kind: "slotDue" });
        else this.#surroundings.askSlot(this.#index);
        return;
      case "slotDue":
        this.#surroundings.askSlot(this.#index);
        return;
      case "settled":
        if (message.result !== null) this.#surroundings.publish(message.result);
        context.stop();
    }
  }

  /** Whether this result was missing until now. */
  #mark(need: number): boolean {
    const { graph } = this.#surroundings;
    if (typeof this.#received === "number") {
      const position = targetsOf(graph.needs, this.#index).indexOf(need);
      if (position < 0 || (this.#received & (1 << position)) !== 0) return false;
      this.#received |= 1 << position;
    } else {
      const byte = this.#received[need >> 3];
      const mask = 1 << (need & 7);
      if (byte === undefined || (byte & mask) !== 0) return false;
      this.#received[need >> 3] = byte | mask;
    }
    this.#missing -= 1;
    return true;
  }
}
