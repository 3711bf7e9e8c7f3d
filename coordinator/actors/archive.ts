/** The archive actor: answers questions about ended runs from the journal, and keeps the last few it has read. */
import type { ActorRef, Behaviour } from "../../shared/actor/contract.ts";
import { asMillraceError } from "../../shared/model/error.ts";
import type { RunState } from "../core/run-state.ts";
import { Scheduler } from "../core/scheduler.ts";
import { loadRun, type RunStores } from "../journal/run-loader.ts";
import type { Command, Reply } from "./messages.ts";
import { answerQuery } from "./query.ts";

export interface ArchiveMessage {
  readonly run: string;
  readonly command: Command;
  readonly replyTo: ActorRef<Reply>;
}

const KEPT_RUNS = 4;

export class ArchiveActor implements Behaviour<ArchiveMessage> {
  readonly #stores: RunStores;
  /** In order of use, latest last. */
  readonly #kept = new Map<string, RunState>();

  constructor(stores: RunStores) {
    this.#stores = stores;
  }

  async receive({ run, command, replyTo }: ArchiveMessage): Promise<void> {
    try {
      replyTo.tell(answer(await this.#state(run), command));
    } catch (error) {
      const { code, message } = asMillraceError(error, `run ${run} could not be read`);
      replyTo.tell({ ok: false, code, message });
    }
  }

  async #state(run: string): Promise<RunState> {
    const kept = this.#kept.get(run);
    const state = kept ?? (await loadRun(run, this.#stores)).state;
    this.#kept.delete(run);
    this.#kept.set(run, state);
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= KEPT_RUNS) break;
      this.#kept.delete(oldest);
    }
    return state;
  }
}

function answer(state: RunState, command: Command): Reply {
  if (command.verb === "cancel") return { ok: true, result: { cancelled: false, status: state.status } };
  if (command.verb === "priority")
    return { ok: false, code: "conflict", message: `run ${state.run} has ended` };
  return answerQuery(state, command, new Scheduler(), state.endedAt ?? 0);
}
