/** Submissions that wait for their first record to be stored: each may have been sent more than once. */
import type { ActorRef } from "../../shared/actor/contract.ts";
import type { Reply } from "./messages.ts";

/** A client repeats its submission now and then; the answer to one copy will do. */
const MAX_COPIES = 20;

export class Submissions {
  readonly #waiting = new Map<string, ActorRef<Reply>[]>();
  readonly #onAnswered: (run: string) => void;

  /** Calls back when the first record of a run is stored, or will not be. */
  constructor(onAnswered: (run: string) => void) {
    this.#onAnswered = onAnswered;
  }

  begin(run: string, replyTo: ActorRef<Reply>): void {
    this.#waiting.set(run, [replyTo]);
  }

  /** Waits with the first copy. Returns whether there is one. */
  join(run: string, replyTo: ActorRef<Reply>): boolean {
    const copies = this.#waiting.get(run);
    if (copies === undefined) return false;
    copies.push(replyTo);
    // Whoever asked first has long given up.
    if (copies.length > MAX_COPIES) copies.shift();
    return true;
  }

  answer(run: string, reply: Reply): void {
    this.#onAnswered(run);
    for (const replyTo of this.#waiting.get(run) ?? []) replyTo.tell(reply);
    this.#waiting.delete(run);
  }
}
