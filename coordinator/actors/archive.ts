/** The archive actor: answers questions about ended runs from the journal, and keeps the last few it has read. */
import type { ActorRef, Behaviour } from "../../shared/actor/contract.ts";
import type { RunView } from "../../shared/model/api.ts";
import { asMillraceError } from "../../shared/model/error.ts";
import type { RunState } from "../core/run-state.ts";
import { viewRun } from "../core/run-view.ts";
import { Scheduler } from "../core/scheduler.ts";
import { loadRun, type RunStores } from "../journal/run-loader.ts";
import type { Command, Reply } from "./messages.ts";
import { answerQuery, refuseUnknownJob } from "./query.ts";

export interface ArchiveMessage {
  /** The run that is asked about, as listings show it. */
  readonly view: RunView;
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

  async receive({ view, command, replyTo }: ArchiveMessage): Promise<void> {
    const known = answerFromView(view, command);
    if (known !== undefined) return replyTo.tell(known);
    try {
      replyTo.tell(answer(await this.#state(view), command));
    } catch (error) {
      const { code, message } = asMillraceError(error, `run ${view.run} could not be read`);
      replyTo.tell({ ok: false, code, message });
    }
  }

  async #state({ run, submittedAt }: RunView): Promise<RunState> {
    const kept = this.#kept.get(run);
    // The one that was read before may have been given up, and its id used again.
    const isSame = kept !== undefined && viewRun(kept).submittedAt === submittedAt;
    const state = isSame ? kept : (await loadRun(run, this.#stores)).state;
    this.#kept.delete(run);
    this.#kept.set(run, state);
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= KEPT_RUNS) break;
      this.#kept.delete(oldest);
    }
    return state;
  }
}

/** What concerns the run as a whole needs none of its jobs, of which there may be very many to read. */
function answerFromView(view: RunView, command: Command): Reply | undefined {
  if ("job" in command.request && command.request.job !== undefined) return undefined;
  if (command.verb === "run") return { ok: true, result: view };
  return refuseEnded(view, command);
}

/** The answer to a command that comes too late. */
function refuseEnded({ run, status }: Pick<RunView, "run" | "status">, { verb }: Command): Reply | undefined {
  if (verb === "cancel") return { ok: true, result: { cancelled: false, status } };
  if (verb === "priority") return { ok: false, code: "conflict", message: `run ${run} has ended` };
  return undefined;
}

function answer(state: RunState, command: Command): Reply {
  const refusal = refuseUnknownJob(state, command) ?? refuseEnded(state, command);
  if (refusal !== undefined) return refusal;
  return answerQuery(state, command, new Scheduler(), state.endedAt ?? 0);
}
