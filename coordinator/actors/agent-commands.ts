/** What people ask of the fleet and its agents: who there is, what mode to be in, how a host is. */
import type { ActorRef, Context } from "../../shared/actor/contract.ts";
import type { ApiCommand } from "../../shared/model/api.ts";
import type { AnswerReport } from "../../shared/model/messages.ts";
import { type Fleet, offerOf } from "../core/fleet.ts";
import { viewAgents } from "../core/fleet-view.ts";
import { AgentModes, type ModePresent } from "./agent-modes.ts";
import type { AgentOrders } from "./agent-orders.ts";
import { AgentQuestions, refuseQuestion } from "./agent-questions.ts";
import { findAgent } from "./agent-search.ts";
import type { Command, FleetMessage, Reply, SchedulerMessage } from "./messages.ts";

export interface AgentCommandsOptions {
  readonly fleet: Fleet;
  readonly scheduler: ActorRef<SchedulerMessage>;
  /** Name of a job, for listings of what runs. */
  readonly jobName: (run: string, job: number) => string | undefined;
}

export class AgentCommands {
  readonly #options: AgentCommandsOptions;
  readonly #orders: AgentOrders;
  readonly #questions = new AgentQuestions();
  readonly #modes = new AgentModes();

  constructor(options: AgentCommandsOptions, orders: AgentOrders) {
    this.#options = options;
    this.#orders = orders;
  }

  /** `heardMs`: how long the coordinator has listened to agents. */
  onCommand(
    command: Command,
    replyTo: ActorRef<Reply>,
    heardMs: number,
    context: Context<FleetMessage>,
  ): void {
    switch (command.verb) {
      case "agents":
        return replyTo.tell(this.#list(command.request, heardMs));
      case "mode":
        return this.#setMode(command.request, replyTo, context);
      case "ask":
        return this.#ask(command.request, replyTo, context);
    }
  }

  onAnswer(report: AnswerReport): void {
    this.#questions.onAnswer(report);
  }

  /** An agent tells its mode, and how many batches of this leader it has handled. */
  onMode(present: ModePresent): void {
    this.#modes.onHeard(present);
  }

  onGone(agent: string, reason: string): void {
    this.#modes.onGone(agent, reason);
  }

  onTick(context: Context<FleetMessage>): void {
    this.#modes.onTick(context.monotonicMs());
  }

  #list({ offset, limit }: ApiCommand<"agents">, heardMs: number): Reply {
    const all = viewAgents(this.#options.fleet, this.#options.jobName, heardMs);
    return { ok: true, result: { total: all.length, agents: all.slice(offset, offset + limit) } };
  }

  #setMode(
    { agent: name, mode }: ApiCommand<"mode">,
    replyTo: ActorRef<Reply>,
    context: Context<FleetMessage>,
  ) {
    const agent = findAgent(this.#options.fleet, name);
    if ("ok" in agent) return replyTo.tell(agent);
    // What takes less takes it at once, so that nothing more is placed; what takes more has to say so first: an agent
    // that is stopping will not.
    if (mode !== "active") {
      this.#options.scheduler.tell({ kind: "offer", offer: { ...offerOf(agent), mode } });
    }
    this.#orders.enqueue(name, [{ kind: "mode", mode }]);
    this.#orders.flush(context);
    const batch = this.#orders.lastNumber(name);
    const { incarnation } = agent.hello;
    this.#modes.onOrdered(name, { incarnation, mode, batch, replyTo, sinceMs: context.monotonicMs() });
  }

  #ask({ id, agent, question }: ApiCommand<"ask">, replyTo: ActorRef<Reply>, context: Context<FleetMessage>) {
    const refusal = refuseQuestion(this.#options.fleet, agent);
    if (refusal !== undefined) return replyTo.tell(refusal);
    this.#questions.onAsked(id, agent, replyTo, context.monotonicMs());
    this.#orders.enqueue(agent, [{ kind: "ask", id, question }]);
    this.#orders.flush(context);
  }
}
