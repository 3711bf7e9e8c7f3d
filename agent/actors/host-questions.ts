/**
 * What the coordinator asks about the host. Some questions are worked on at a time, in the order in which they came; more
 * wait. One that comes again, as its answer was lost, is done once if it changes something: its answer is remembered. One
 * that only looks is answered anew.
 */
import type { Context } from "../../shared/actor/contract.ts";
import type { AgentAnswer, AgentQuestion, AgentRefusal } from "../../shared/model/agent-question.ts";
import { reasonOf } from "../../shared/model/error.ts";
import type { Order } from "../../shared/model/messages.ts";
import type { AgentVoice } from "./agent-voice.ts";
import type { AttemptTools } from "./attempt-tools.ts";

export type HostQuestion = Extract<Order, { kind: "ask" }>;

/** What has come of a question. */
export interface HostAnswer {
  readonly kind: "answered";
  readonly order: HostQuestion;
  readonly answer: AgentAnswer | AgentRefusal;
}

/** An answer may be long, and whoever asked has given up after a minute. */
const MAX_REMEMBERED = 32;
const MAX_AT_WORK = 16;
/** A run asks one for each of its images. */
const MAX_WAITING = 1_000;

export class HostQuestions {
  readonly #tools: Pick<AttemptTools, "answer">;
  readonly #isHeld: (attempt: string) => boolean;
  readonly #waiting: HostQuestion[] = [];
  readonly #atWork = new Set<string>();
  /** Of what has changed something, by the id of the question; the oldest first. */
  readonly #remembered = new Map<string, AgentAnswer | AgentRefusal>();

  /** `isHeld`: the agent has the attempt of this key yet. */
  constructor(tools: Pick<AttemptTools, "answer">, isHeld: (attempt: string) => boolean) {
    this.#tools = tools;
    this.#isHeld = isHeld;
  }

  onAsked(order: HostQuestion, voice: AgentVoice | undefined, context: Context<HostAnswer>): void {
    const { id } = order;
    const known = this.#remembered.get(id);
    if (known !== undefined) return voice?.answer(id, known);
    if (this.#atWork.has(id) || this.#waiting.some((waiting) => waiting.id === id)) return;
    if (this.#waiting.length >= MAX_WAITING) return voice?.answer(id, tooMany);
    this.#waiting.push(order);
    this.#workOn(context);
  }

  onAnswered(
    { order, answer }: HostAnswer,
    voice: AgentVoice | undefined,
    context: Context<HostAnswer>,
  ): void {
    this.#atWork.delete(order.id);
    if (changesSomething(order.question)) this.#remember(order.id, answer);
    voice?.answer(order.id, answer);
    this.#workOn(context);
  }

  #workOn(context: Context<HostAnswer>): void {
    for (const order of this.#waiting.splice(0, MAX_AT_WORK - this.#atWork.size)) {
      this.#atWork.add(order.id);
      context.pipe(
        this.#tools.answer(order.question, this.#isHeld),
        (answer) => ({ kind: "answered", order, answer }),
        (error) => ({ kind: "answered", order, answer: failure(error) }),
      );
    }
  }

  #remember(id: string, answer: AgentAnswer | AgentRefusal): void {
    this.#remembered.set(id, answer);
    const [oldest] = this.#remembered.keys();
    if (this.#remembered.size > MAX_REMEMBERED && oldest !== undefined) this.#remembered.delete(oldest);
  }
}

function changesSomething({ kind }: AgentQuestion): boolean {
  return kind === "stop" || kind === "remove" || kind === "exec";
}

const tooMany: AgentRefusal = {
  kind: "refused",
  code: "conflict",
  message: `${MAX_WAITING} questions are waiting already`,
};

function failure(error: unknown): AgentRefusal {
  return { kind: "refused", code: "internal", message: reasonOf(error).slice(0, 2000) };
}
