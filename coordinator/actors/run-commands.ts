/** What people ask of a living run: commands become decisions, questions are answered from its state. */
import type { Context } from "../../shared/actor/contract.ts";
import * as decide from "../core/run-decide.ts";
import type { RunState } from "../core/run-state.ts";
import type { Command, Reply, RunMessage, StoreWait } from "./messages.ts";
import { answerQuery, refuseUnknownJob } from "./query.ts";
import type { RunForecast } from "./run-forecast.ts";
import type { RunSurroundings } from "./run-surroundings.ts";
import type { RunWriter } from "./run-writer.ts";

type CommandMessage = Extract<RunMessage, { kind: "command" }>;

export class RunCommands {
  readonly #state: RunState;
  readonly #surroundings: RunSurroundings;
  readonly #writer: RunWriter;
  readonly #forecast: RunForecast;
  readonly #context: Context<RunMessage>;

  constructor(
    state: RunState,
    surroundings: RunSurroundings,
    parts: { readonly writer: RunWriter; readonly forecast: RunForecast },
    context: Context<RunMessage>,
  ) {
    this.#state = state;
    this.#surroundings = surroundings;
    this.#writer = parts.writer;
    this.#forecast = parts.forecast;
    this.#context = context;
  }

  /** A reply shows the state, so it leaves only when all records folded into that state are stored. */
  onCommand({ command, replyTo }: CommandMessage): void {
    const reply = this.#answer(command);
    this.#writer.stageConsequence({ kind: "reply", replyTo, reply });
    this.#writer.send();
  }

  #answer(command: Command): Reply {
    const state = this.#state;
    const now = this.#context.now();
    const refusal = refuseUnknownJob(state, command);
    if (refusal !== undefined) return refusal;
    const name = "job" in command.request ? command.request.job : undefined;
    const job = name === undefined ? null : (state.graph.indexOf.get(name) ?? null);
    switch (command.verb) {
      case "cancel": {
        const { by, reason } = command.request;
        const records = decide.onCancelRequested(state, { job, by, reason }, now);
        this.#writer.record(records);
        return { ok: true, result: { cancelled: records.length > 0, status: state.status } };
      }
      case "priority": {
        const { priority, after } = command.request;
        const request = { job, priority, after };
        if (decide.isOvertaken(state, request)) return overtaken(state.run);
        this.#writer.record(decide.onPriorityRequested(state, request, now));
        return { ok: true, result: { priority } };
      }
      default:
        return answerQuery(state, command, this.#surroundings.schedule.current, now, this.#forecast);
    }
  }

  /** While its journal keeps the run waiting nothing newer is known of it than what was stored, and why it waits. */
  answerWaiting({ command, replyTo }: CommandMessage, wait: StoreWait): void {
    const stored = this.#surroundings.views.get(this.#state.run);
    if (command.verb !== "run" || stored === undefined) {
      return replyTo.tell(waitingRefusal(this.#state.run, wait));
    }
    replyTo.tell({ ok: true, result: { ...stored, reason: waitingReason(wait) } });
  }
}

function overtaken(run: string): Reply {
  const message = `a priority of run ${run} was set since this was asked for`;
  return { ok: false, code: "conflict", message, fix: "Look at it, and set it again if need be." };
}

/** Why a run does not go on, for people. */
export function waitingReason({ since, reason }: StoreWait): string {
  return `it waits since ${new Date(since).toISOString()} for ${reason}`;
}

/** The reply to a command that a run can't take for now. */
export function waitingRefusal(run: string, wait: StoreWait): Reply {
  const message = `run ${run} can't answer: ${waitingReason(wait)}`;
  const fix = "See `millrace status` and the log of nats-server; the run goes on by itself, then ask again.";
  return { ok: false, code: "unavailable", message, fix };
}
