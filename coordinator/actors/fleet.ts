/**
 * The fleet actor: everything that comes from agents comes in here, everything that goes to them goes out here.
 * `core/fleet.ts` decides who is alive, `core/order-channel.ts` makes orders reliable; this is the shell.
 */
import type { ActorRef, Behaviour, Codec, Context } from "../../shared/actor/contract.ts";
import type { Subjects } from "../../shared/bus/subjects.ts";
import type { AgentMode, HeldAttempt, Order, Report } from "../../shared/model/messages.ts";
import { subjectToken } from "../../shared/model/name.ts";
import {
  type AgentRecord,
  type Fleet,
  type FleetEffect,
  offerOf,
  onBye,
  onHeartbeat,
  onHello,
  onReport,
  onTick,
} from "../core/fleet.ts";
import { viewAgents } from "../core/fleet-view.ts";
import type { EventLog } from "../journal/journal.ts";
import { parseFromAgent } from "./agent-message.ts";
import { AgentOrders } from "./agent-orders.ts";
import type { Counters } from "./counters.ts";
import { FleetEvents } from "./fleet-events.ts";
import type {
  Command,
  CoordinatorMessage,
  FleetMessage,
  Reply,
  RunMessage,
  SchedulerMessage,
} from "./messages.ts";

export interface FleetOptions {
  readonly epoch: number;
  readonly fleet: Fleet;
  readonly subjects: Subjects;
  readonly codec: Codec;
  readonly eventLog: EventLog;
  readonly counters: Counters;
  readonly coordinator: ActorRef<CoordinatorMessage>;
  readonly scheduler: ActorRef<SchedulerMessage>;
  /** Name of a job, for listings of what runs. */
  readonly jobName: (run: string, job: number) => string | undefined;
}

const TICK_MS = 500;
/** A lost or departed agent is listed this long. */
const FORGET_AFTER_MS = 24 * 3600_000;

export class FleetActor implements Behaviour<FleetMessage> {
  readonly #options: FleetOptions;
  readonly #runs = new Map<string, ActorRef<RunMessage>>();
  readonly #orders: AgentOrders;
  readonly #events: FleetEvents;
  /** Agents that hold leases of an earlier leader and have not said hello to this one, since when. */
  readonly #awaited = new Map<string, number>();
  /** Reports of unknown runs are dropped only when all runs are known. */
  #isRecovered = false;
  #isFlushDue = false;

  constructor(options: FleetOptions) {
    this.#options = options;
    this.#orders = new AgentOrders(options);
    this.#events = new FleetEvents(options);
  }

  started(context: Context<FleetMessage>): void {
    const { subjects, coordinator } = this.#options;
    context.subscribe(subjects.fromAgentAll(), (payload, subject) => {
      const [type = "", token = ""] = subject.split(".").reverse();
      return { kind: "fromAgent", token, type, payload };
    });
    context.every(TICK_MS, { kind: "tick" });
    coordinator.tell({ kind: "fleetStarted" });
  }

  receive(message: FleetMessage, context: Context<FleetMessage>): void {
    switch (message.kind) {
      case "fromAgent":
        return this.#onFromAgent(message, context);
      case "runOpened":
        this.#runs.set(message.run, message.ref);
        return;
      case "runClosed":
        this.#runs.delete(message.run);
        return;
      case "recovered":
        this.#isRecovered = true;
        return;
      case "leaseAdopted":
        if (!this.#options.fleet.agents.has(message.agent) && !this.#awaited.has(message.agent)) {
          this.#awaited.set(message.agent, context.monotonicMs());
        }
        return;
      case "orders":
        return this.#enqueue(message.agent, message.orders, context);
      case "flush":
        this.#isFlushDue = false;
        return this.#orders.flush(context);
      case "tick":
        return this.#onTick(context);
      case "schedulerStarted":
        for (const agent of this.#options.fleet.agents.values()) this.#offer(agent);
        return;
      case "eventsStored":
        return this.#events.onStored(context);
      case "eventsFailed":
        return this.#events.onFailed(message.reason, context);
      case "command":
        return this.#onCommand(message.command, message.replyTo, context);
    }
  }

  #onFromAgent(message: FleetMessage & { kind: "fromAgent" }, context: Context<FleetMessage>): void {
    const { fleet } = this.#options;
    const nowMs = context.monotonicMs();
    const refuse = (reason: string): void => {
      this.#options.counters.count(`refused.${reason}`);
      context.deadLetter(reason, `_.from.${message.token}.${message.type}`, message.payload);
    };
    let decoded: unknown;
    try {
      decoded = this.#options.codec.decode(message.payload);
    } catch (error) {
      context.log.warn({ token: message.token, error: String(error) }, "an agent's message can't be decoded");
      return refuse("malformed");
    }
    const parsed = parseFromAgent(message.type, decoded);
    if (parsed === undefined) return refuse("malformed");
    if (subjectToken(parsed.body.agent) !== message.token) return refuse("identity");
    switch (parsed.type) {
      case "hello":
        return this.#carryOut(onHello(fleet, parsed.body, nowMs), context);
      case "heartbeat":
        this.#orders.onConfirmed(parsed.body);
        return this.#carryOut(onHeartbeat(fleet, parsed.body, nowMs), context);
      case "bye":
        return this.#carryOut(onBye(fleet, parsed.body, nowMs), context);
      case "report": {
        this.#orders.onConfirmed(parsed.body);
        const { isAccepted, effects } = onReport(fleet, parsed.body, nowMs);
        this.#carryOut(effects, context);
        if (isAccepted) this.#deliver(parsed.body, context);
      }
    }
  }

  /** Hands a report's items to the runs they belong to. */
  #deliver(report: Report, context: Context<FleetMessage>): void {
    const byRun = new Map<string, Report["items"]>();
    for (const item of report.items) {
      const items = byRun.get(item.run);
      if (items === undefined) byRun.set(item.run, [item]);
      else items.push(item);
    }
    for (const [run, items] of byRun) {
      const ref = this.#runs.get(run);
      if (ref !== undefined) ref.tell({ kind: "reported", agent: report.agent, items });
      else if (this.#isRecovered) {
        this.#options.counters.count("refused.unknownRun");
        const settled = items.filter((item) => item.kind !== "started");
        this.#enqueue(
          report.agent,
          settled.map((item) => ({ ...refOf(item), kind: "settle" as const })),
          context,
        );
      }
    }
  }

  #carryOut(effects: readonly FleetEffect[], context: Context<FleetMessage>): void {
    for (const effect of effects) {
      switch (effect.kind) {
        case "joined":
          this.#onJoined(effect.agent, effect.isNewIncarnation, context);
          break;
        case "offerChanged":
          this.#offer(effect.agent);
          break;
        case "modeChanged":
          this.#events.add(
            { type: "agent.mode", agent: effect.agent.name, mode: effect.agent.mode },
            context,
          );
          break;
        case "suspected":
          this.#events.add(
            { type: "agent.suspect", agent: effect.agent.name, silentMs: effect.silentMs },
            context,
          );
          break;
        case "recovered":
          this.#events.add({ type: "agent.recovered", agent: effect.agent.name }, context);
          break;
        case "lost": {
          const seconds = Math.round(effect.silentMs / 1000);
          this.#events.add(
            { type: "agent.lost", agent: effect.agent.name, silentMs: effect.silentMs },
            context,
          );
          this.#giveUp(effect.agent.name, `the agent ${effect.agent.name} was silent for ${seconds} s`);
          break;
        }
        case "left":
          this.#events.add({ type: "agent.left", agent: effect.agent.name, reason: effect.reason }, context);
          this.#giveUp(effect.agent.name, `the agent ${effect.agent.name} has left`);
          break;
        case "askHello":
          this.#orders.askHello(effect.agent, context);
          break;
        case "refused":
          this.#options.counters.count(`refused.${effect.reason}`);
          break;
      }
    }
  }

  /** A hello opens the order channel, or goes on with it; what the agent holds is compared with what it should hold. */
  #onJoined(agent: AgentRecord, isNewIncarnation: boolean, context: Context<FleetMessage>): void {
    const { hello } = agent;
    this.#awaited.delete(agent.name);
    this.#orders.onHello(hello, isNewIncarnation, context);
    this.#offer(agent);
    if (isNewIncarnation) {
      const { incarnation, labels, capacity } = hello;
      const slots = capacity.slots;
      this.#events.add({ type: "agent.joined", agent: agent.name, incarnation, slots, labels }, context);
    }
    for (const [run, ref] of this.#runs) {
      const held = hello.held.filter((item) => item.run === run);
      ref.tell({ kind: "agentResynced", agent: agent.name, incarnation: hello.incarnation, held });
    }
    if (!this.#isRecovered) return;
    const strays = hello.held.filter((held) => !this.#runs.has(held.run));
    this.#enqueue(agent.name, strays.map(endStray), context);
  }

  #enqueue(agent: string, orders: readonly Order[], context: Context<FleetMessage>): void {
    if (!this.#orders.enqueue(agent, orders) || this.#isFlushDue) return;
    this.#isFlushDue = true;
    context.self.tell({ kind: "flush" });
  }

  #onTick(context: Context<FleetMessage>): void {
    const { fleet } = this.#options;
    const nowMs = context.monotonicMs();
    this.#carryOut(onTick(fleet, nowMs), context);
    for (const [name, sinceMs] of this.#awaited) {
      if (nowMs - sinceMs < fleet.times.lostAfterMs) continue;
      this.#awaited.delete(name);
      this.#giveUp(name, `the agent ${name} has not been heard since the coordinator started`);
    }
    for (const agent of [...fleet.agents.values()]) {
      if (agent.state !== "up" && agent.state !== "suspect") {
        if (nowMs - agent.lastHeardMs > FORGET_AFTER_MS) fleet.agents.delete(agent.name);
        continue;
      }
      this.#orders.resend(agent.name, context);
    }
  }

  /** Its jobs are given to others; it has to say hello again to be given any. */
  #giveUp(agent: string, reason: string): void {
    this.#orders.close(agent);
    this.#options.scheduler.tell({ kind: "agentGone", agent });
    for (const ref of this.#runs.values()) ref.tell({ kind: "agentGone", agent, reason });
  }

  #offer(agent: AgentRecord): void {
    if (agent.state === "lost" || agent.state === "left") return;
    this.#options.scheduler.tell({ kind: "offer", offer: offerOf(agent) });
  }

  #onCommand(command: Command, replyTo: ActorRef<Reply>, context: Context<FleetMessage>): void {
    const { fleet, jobName } = this.#options;
    if (command.verb === "agents") {
      const { offset, limit } = command.request;
      const all = viewAgents(fleet, jobName, context.monotonicMs());
      replyTo.tell({ ok: true, result: { total: all.length, agents: all.slice(offset, offset + limit) } });
    } else if (command.verb === "mode") {
      replyTo.tell(this.#setMode(command.request.agent, command.request.mode, context));
    }
  }

  #setMode(name: string, mode: AgentMode, context: Context<FleetMessage>): Reply {
    const agent = this.#options.fleet.agents.get(name);
    if (agent === undefined)
      return { ok: false, code: "notFound", message: `there is no agent ${JSON.stringify(name)}` };
    if (agent.state === "lost" || agent.state === "left") {
      return { ok: false, code: "conflict", message: `the agent ${JSON.stringify(name)} is ${agent.state}` };
    }
    // At once, so that nothing more is placed; the agent confirms with its next heartbeat.
    this.#options.scheduler.tell({ kind: "offer", offer: { ...offerOf(agent), mode } });
    this.#enqueue(name, [{ kind: "mode", mode }], context);
    return { ok: true, result: { agent: name, mode } };
  }
}

function refOf(item: { run: string; job: number; attempt: number; lease: string }) {
  return { run: item.run, job: item.job, attempt: item.attempt, lease: item.lease };
}

/** An attempt of a run that is over: nobody waits for it. */
function endStray(held: HeldAttempt): Order {
  if (held.phase === "finished") return { ...refOf(held), kind: "settle" };
  return { ...refOf(held), kind: "cancel", reason: "its run is over" };
}
