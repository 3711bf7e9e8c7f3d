/** Questions about hosts that agents have been asked, and who waits for the answers. */
import type { ActorRef } from "../../shared/actor/contract.ts";
import { type AnswerReport, ability } from "../../shared/model/messages.ts";
import type { Fleet } from "../core/fleet.ts";
import { findAgent } from "./agent-search.ts";
import type { Refusal, Reply } from "./messages.ts";

/** Who asks repeats a question long before; nobody waits for what is older. */
const FORGET_AFTER_MS = 60_000;

interface Asked {
  readonly agent: string;
  readonly waiting: ActorRef<Reply>[];
  askedMs: number;
}

export class AgentQuestions {
  readonly #asked = new Map<string, Asked>();

  /** A question that comes again gets the same answer. */
  onAsked(id: string, agent: string, replyTo: ActorRef<Reply>, nowMs: number): void {
    for (const [old, { askedMs }] of this.#asked)
      if (nowMs - askedMs > FORGET_AFTER_MS) this.#asked.delete(old);
    const asked = this.#asked.get(id) ?? { agent, waiting: [], askedMs: nowMs };
    if (asked.agent !== agent) {
      const message = `the question ${id} was asked of another agent, ${asked.agent}`;
      return replyTo.tell({
        ok: false,
        code: "conflict",
        message,
        fix: "Give each question an id of its own.",
      });
    }
    asked.askedMs = nowMs;
    asked.waiting.push(replyTo);
    this.#asked.set(id, asked);
  }

  /** An answer of somebody who was not asked is nobody's. */
  onAnswer({ id, agent, answer }: AnswerReport): void {
    const asked = this.#asked.get(id);
    if (asked?.agent !== agent) return;
    this.#asked.delete(id);
    const reply: Reply =
      answer.kind === "refused"
        ? { ok: false, code: answer.code, message: `agent ${agent}: ${answer.message}` }
        : { ok: true, result: { agent, answer } };
    for (const replyTo of asked.waiting) replyTo.tell(reply);
  }
}

/** Why the agent of this name can't be asked; undefined where it can. */
export function refuseQuestion(fleet: Fleet, name: string): Refusal | undefined {
  const agent = findAgent(fleet, name);
  if ("ok" in agent) return agent;
  if (agent.hello.abilities.includes(ability.hostQuestions)) return undefined;
  const { millrace } = agent.hello.versions;
  const message = `the agent ${JSON.stringify(name)} of version ${millrace} answers no questions about its host`;
  return { ok: false, code: "unsupported", message, fix: "Upgrade the agent." };
}
