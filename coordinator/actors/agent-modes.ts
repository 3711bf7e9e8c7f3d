/**
 * Modes that agents were ordered to take, and who waits until they have.
 *
 * Safe: 1. somebody is told that an agent is in a mode only after the agent has said so itself, having handled the
 * order: whoever leads next has nothing to pass on. Live: 2. whoever waits is answered within ANSWER_WITHIN_MS and a
 * tick; an agent that could not be reached until then is told for as long as it is not given up.
 */
import type { ActorRef } from "../../shared/actor/contract.ts";
import type { AgentMode, Heartbeat, Hello } from "../../shared/model/messages.ts";
import type { Reply } from "./messages.ts";

/** Who asks tries again after 5 s without an answer. */
const ANSWER_WITHIN_MS = 4_000;

interface Ordered {
  readonly incarnation: string;
  readonly mode: AgentMode;
  /** Number of the batch with the order. */
  readonly batch: number;
  readonly replyTo: ActorRef<Reply>;
  readonly sinceMs: number;
}

/** What an agent says of its mode. */
export type ModePresent = Pick<
  Hello | Heartbeat,
  "agent" | "incarnation" | "ordersSeen" | "mode" | "trouble"
>;

export class AgentModes {
  /** By agent, in the order of their batches; of one that has gone there are none. */
  readonly #waiting = new Map<string, readonly Ordered[]>();

  onOrdered(agent: string, ordered: Ordered): void {
    this.#waiting.set(agent, [...(this.#waiting.get(agent) ?? []), ordered]);
  }

  /** An agent tells its mode, and how many batches of this leader it has handled. */
  onHeard({ agent, incarnation, ordersSeen, mode, trouble }: ModePresent): void {
    const waiting = this.#waiting.get(agent);
    if (waiting === undefined) return;
    if (waiting.some((ordered) => ordered.incarnation !== incarnation)) {
      return this.onGone(agent, `the agent ${agent} has been started again`);
    }
    const handled = waiting.filter(({ batch }) => batch <= ordersSeen);
    this.#waiting.set(agent, waiting.slice(handled.length));
    const isHeldByTrouble = trouble !== undefined && mode === "held";
    for (const [index, { mode: wanted, replyTo }] of handled.entries()) {
      // The agent has taken an earlier one, too, before the last.
      const isTaken = index < handled.length - 1 || mode === wanted || isHeldByTrouble;
      replyTo.tell(isTaken ? { ok: true, result: { agent, mode: wanted } } : stopping(agent, mode));
    }
  }

  onGone(agent: string, reason: string): void {
    for (const { replyTo } of this.#waiting.get(agent) ?? []) {
      replyTo.tell({ ok: false, code: "unavailable", message: `${reason} before it had changed its mode` });
    }
    this.#waiting.delete(agent);
  }

  onTick(nowMs: number): void {
    for (const [agent, waiting] of this.#waiting) {
      const isLate = ({ sinceMs }: Ordered) => nowMs - sinceMs >= ANSWER_WITHIN_MS;
      for (const { mode, replyTo } of waiting.filter(isLate)) replyTo.tell(unconfirmed(agent, mode));
      const others = waiting.filter((ordered) => !isLate(ordered));
      this.#waiting.set(agent, others);
    }
  }
}

function stopping(agent: string, mode: AgentMode): Reply {
  return { ok: false, code: "conflict", message: `the agent ${agent} is stopping, and stays ${mode}` };
}

function unconfirmed(agent: string, mode: AgentMode): Reply {
  return {
    ok: false,
    code: "unavailable",
    message: `the agent ${agent} was told to be ${mode}, and has not confirmed it`,
    fix: "`millrace agents` shows whether it can be reached, and the mode that it is in.",
  };
}
