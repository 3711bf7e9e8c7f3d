/** Questions about all runs that come before all are taken over: they wait, unless the takeover itself is kept waiting. */
import type { CoordinatorMessage, StoreWait } from "./messages.ts";
import { waitingRefusal } from "./run-commands.ts";

export type EarlyQuestion = Extract<CoordinatorMessage, { kind: "command" }>;

const MAX_WAITING = 1_000;

export class EarlyQuestions {
  #waiting: EarlyQuestion[] = [];

  put(question: EarlyQuestion): void {
    this.#waiting.push(question);
    // Whoever asked first has long given up.
    if (this.#waiting.length > MAX_WAITING) this.#waiting.shift();
  }

  take(): EarlyQuestion[] {
    return this.#waiting.splice(0);
  }

  /** The takeover may take any time: who asks is told why. */
  refuse({ run, wait }: { readonly run: string; readonly wait: StoreWait }): void {
    for (const { replyTo } of this.take()) replyTo.tell(waitingRefusal(run, wait));
  }
}
