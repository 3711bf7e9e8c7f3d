/**
 * What the coordinator asks about the host: an image, or what people want to know of it. A question that comes again,
 * as its answer was lost, is answered from memory: nothing is done twice.
 */
import type { Context } from "../../shared/actor/contract.ts";
import type { AgentAnswer, AgentRefusal } from "../../shared/model/agent-question.ts";
import { reasonOf } from "../../shared/model/error.ts";
import type { Order } from "../../shared/model/messages.ts";
import type { FoundImage } from "../runners/image-digest.ts";
import type { AgentVoice } from "./agent-voice.ts";
import type { AttemptTools } from "./attempt-tools.ts";

export type HostQuestion = Extract<Order, { kind: "findImage" | "ask" }>;

/** What has come of a question. */
export type HostAnswer =
  | { readonly kind: "imageFound"; readonly image: string; readonly found: FoundImage }
  | { readonly kind: "answered"; readonly id: string; readonly answer: AgentAnswer | AgentRefusal };

/** An answer may be long, and whoever asked has given up after a minute. */
const MAX_REMEMBERED = 32;
const MAX_AT_WORK = 16;

export class HostQuestions {
  readonly #tools: Pick<AttemptTools, "findImage" | "answer">;
  readonly #isHeld: (attempt: string) => boolean;
  /** Undefined while it is worked on; the oldest first. */
  readonly #answers = new Map<string, AgentAnswer | AgentRefusal | undefined>();

  /** `isHeld`: the agent has the attempt of this key yet. */
  constructor(tools: Pick<AttemptTools, "findImage" | "answer">, isHeld: (attempt: string) => boolean) {
    this.#tools = tools;
    this.#isHeld = isHeld;
  }

  onAsked(order: HostQuestion, voice: AgentVoice | undefined, context: Context<HostAnswer>): void {
    if (order.kind === "findImage") return this.#findImage(order.image, context);
    const { id, question } = order;
    const known = this.#answers.get(id);
    if (known !== undefined) return voice?.answer(id, known);
    if (this.#answers.has(id)) return;
    if (this.#atWork() >= MAX_AT_WORK) return voice?.answer(id, tooMany);
    this.#answers.set(id, undefined);
    context.pipe(
      this.#tools.answer(question, this.#isHeld),
      (answer) => ({ kind: "answered", id, answer }),
      (error) => ({ kind: "answered", id, answer: failure(error) }),
    );
  }

  onAnswered(answer: HostAnswer, voice: AgentVoice | undefined): void {
    if (answer.kind === "imageFound") return voice?.image({ image: answer.image, ...answer.found });
    this.#answers.set(answer.id, answer.answer);
    for (const [id, known] of this.#answers) {
      if (this.#answers.size <= MAX_REMEMBERED) break;
      if (known !== undefined) this.#answers.delete(id);
    }
    voice?.answer(answer.id, answer.answer);
  }

  #findImage(image: string, context: Context<HostAnswer>): void {
    context.pipe(
      this.#tools.findImage(image),
      (found) => ({ kind: "imageFound", image, found }),
      (error) => ({ kind: "imageFound", image, found: { digest: null, problem: String(error) } }),
    );
  }

  #atWork(): number {
    return [...this.#answers.values()].filter((answer) => answer === undefined).length;
  }
}

const tooMany: AgentRefusal = {
  kind: "refused",
  code: "conflict",
  message: `works on ${MAX_AT_WORK} questions already`,
};

function failure(error: unknown): AgentRefusal {
  return { kind: "refused", code: "internal", message: reasonOf(error).slice(0, 2000) };
}
