/**
 * When a report goes out: an answer in this turn, or a little later where many come together; what has only started
 * later still, as a short job then costs one message instead of two.
 *
 * Safe: 1. nothing waits for longer than the interval of its kind. 2. What starts after a report is not said before its own
 * interval has passed: one timer serves all that starts, and is set anew for what has come after a report.
 */
import type { Context } from "../../shared/actor/contract.ts";

/** What it makes the agent say to itself. */
export type ReportDue = { readonly kind: "flush" } | { readonly kind: "flushStarted" };

const STARTED_DELAY_MS = 20;
/** While every slot has work at hand, results of short jobs are gathered this long: one report instead of many. */
const GATHERING_MS = 25;
/** A timer that comes this early is not set again. */
const EARLY_MS = 1;

type Surroundings = Pick<Context<ReportDue>, "self" | "after" | "monotonicMs">;

export class ReportHour {
  #answers: "now" | "gathering" | undefined;
  /** Until when what has only started may wait; undefined when all is said. */
  #startedDueMs: number | undefined;
  #isTimerSet = false;

  /** There are answers to send; `mayGather` when no slot idles for want of what they lead to. */
  onAnswers(mayGather: boolean, context: Surroundings): void {
    if (this.#answers === "now" || (mayGather && this.#answers === "gathering")) return;
    this.#answers = mayGather ? "gathering" : "now";
    if (mayGather) context.after(GATHERING_MS, { kind: "flush" });
    else context.self.tell({ kind: "flush" });
  }

  /** Something has started, and nothing else is to be said. */
  onStarted(context: Surroundings): void {
    if (this.#answers !== undefined || this.#startedDueMs !== undefined) return;
    this.#startedDueMs = context.monotonicMs() + STARTED_DELAY_MS;
    this.#setTimer(STARTED_DELAY_MS, context);
  }

  /** Whether what has started is to be said now. */
  isStartedDue(context: Surroundings): boolean {
    this.#isTimerSet = false;
    if (this.#startedDueMs === undefined) return false;
    const leftMs = this.#startedDueMs - context.monotonicMs();
    if (leftMs <= EARLY_MS) return true;
    this.#setTimer(leftMs, context);
    return false;
  }

  /** All that there was is said. */
  onSent(): void {
    this.#answers = undefined;
    this.#startedDueMs = undefined;
  }

  #setTimer(delayMs: number, context: Surroundings): void {
    if (this.#isTimerSet) return;
    this.#isTimerSet = true;
    context.after(delayMs, { kind: "flushStarted" });
  }
}
