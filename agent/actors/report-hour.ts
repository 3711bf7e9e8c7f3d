/**
 * When a report goes out: an answer in this turn, or a little later where many come together; what has only started
 * later, too, as a short job then costs one message instead of two.
 *
 *     nothing to say ──▶ due ──▶ said: nothing to say
 *                         └── something more urgent: due earlier
 *
 * Safe: 1. nothing waits for longer than the interval of its kind. 2. There is one timer at most, that of the report which is
 * due: one that was set for an earlier report would send the next one before its time. Live: 3. while something is due,
 * that timer runs, or the agent's message to itself is on its way.
 */
import type { Cancel, Context } from "../../shared/actor/contract.ts";

/** What it makes the agent say to itself. */
export interface ReportDue {
  readonly kind: "flush";
}

const STARTED_DELAY_MS = 20;
/** While every slot has work at hand, results of short jobs are gathered this long: one report instead of many. */
const GATHERING_MS = 25;

type Surroundings = Pick<Context<ReportDue>, "self" | "after" | "monotonicMs">;

export class ReportHour {
  /** When what is to be said goes out; undefined when all is said. */
  #dueMs: number | undefined;
  #endTimer: Cancel | undefined;

  /** There are answers to send; `mayGather` when no slot idles for want of what they lead to. */
  onAnswers(mayGather: boolean, context: Surroundings): void {
    this.#sayWithin(mayGather ? GATHERING_MS : 0, context);
  }

  /** Something has started, and nothing else is to be said. */
  onStarted(context: Surroundings): void {
    this.#sayWithin(STARTED_DELAY_MS, context);
  }

  /** All that there was is said. */
  onSent(): void {
    this.#dueMs = undefined;
    this.#endTimer?.();
    this.#endTimer = undefined;
  }

  #sayWithin(delayMs: number, context: Surroundings): void {
    const dueMs = context.monotonicMs() + delayMs;
    if (this.#dueMs !== undefined && this.#dueMs <= dueMs) return;
    this.#endTimer?.();
    this.#dueMs = dueMs;
    this.#endTimer = delayMs === 0 ? undefined : context.after(delayMs, { kind: "flush" });
    if (delayMs === 0) context.self.tell({ kind: "flush" });
  }
}
