/** Who waits for a plan: pages of it, and copies of questions whose answers were late. */
import type { ActorRef } from "../../shared/actor/contract.ts";
import type { ApiCommand, ApiResult } from "../../shared/model/api.ts";
import type { Reply } from "./messages.ts";

interface Asker {
  readonly request: ApiCommand<"plan">;
  readonly replyTo: ActorRef<Reply>;
  readonly sinceMs: number;
}

/** Answers each one once. */
export class PlanAskers {
  #waiting: Asker[] = [];
  #lastMs = 0;

  /** When somebody asked last. */
  get lastMs(): number {
    return this.#lastMs;
  }

  add(request: ApiCommand<"plan">, replyTo: ActorRef<Reply>, sinceMs: number): void {
    this.#waiting.push({ request, replyTo, sinceMs });
    this.#lastMs = sinceMs;
  }

  /** Gives its answer to each one that has waited since then or longer. */
  answer(
    viewFor: (request: ApiCommand<"plan">) => ApiResult<"plan">,
    sinceMs = Number.POSITIVE_INFINITY,
  ): void {
    const due = this.#waiting.filter((asker) => asker.sinceMs <= sinceMs);
    this.#waiting = this.#waiting.filter((asker) => asker.sinceMs > sinceMs);
    for (const { request, replyTo } of due) replyTo.tell({ ok: true, result: viewFor(request) });
  }

  refuse(reply: Reply): void {
    for (const { replyTo } of this.#waiting.splice(0)) replyTo.tell(reply);
  }
}
