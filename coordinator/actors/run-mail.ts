/**
 * What reaches a run while it can decide nothing, as it is not loaded or its journal does not answer. It is kept until
 * the run goes on, in order, and bounded however long that takes: agents repeat what is not settled.
 *
 * Kept is 1. each item of a report once, up to `MAX_ITEMS`: the agents have what is dropped; 2. the last that was said of
 * each agent; 3. a few commands: more are refused. Anything else is said again, or known, once the run goes on.
 */
import type { RunMessage } from "./messages.ts";

const MAX_ITEMS = 100_000;
const MAX_COMMANDS = 100;

export class RunMail {
  readonly #kept = new Map<string, RunMessage>();
  #items = 0;
  #commands = 0;

  /** Keeps it, or drops it. Returns whether that will do: a command too many has to be refused. */
  put(message: RunMessage): boolean {
    switch (message.kind) {
      case "reported":
        this.#putReport(message);
        return true;
      case "agentResynced":
      case "agentGone": {
        const key = `agent ${message.agent}`;
        // It goes behind what the agent has reported before.
        this.#kept.delete(key);
        this.#kept.set(key, message);
        return true;
      }
      case "command":
        if (this.#commands === MAX_COMMANDS) return false;
        this.#commands += 1;
        this.#kept.set(`command ${this.#commands}`, message);
        return true;
      default:
        return true;
    }
  }

  /** Hands out what was kept. */
  open(): RunMessage[] {
    const kept = [...this.#kept.values()];
    this.#kept.clear();
    this.#items = 0;
    this.#commands = 0;
    return kept;
  }

  #putReport({ agent, items }: Extract<RunMessage, { kind: "reported" }>): void {
    for (const item of items) {
      const key = `item ${item.kind} ${item.job} ${item.attempt} ${item.lease} ${agent}`;
      if (this.#kept.has(key) || this.#items === MAX_ITEMS) continue;
      this.#items += 1;
      this.#kept.set(key, { kind: "reported", agent, items: [item] });
    }
  }
}
