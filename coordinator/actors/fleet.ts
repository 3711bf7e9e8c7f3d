/**
 * The fleet actor: everything that comes from agents comes in here, everything that goes to them goes out here.
 * `core/fleet.ts` decides who is alive, `core/order-channel.ts` makes orders reliable; this is the shell.
 */
import type { ActorRef, Behaviour, Cancel, Codec, Context } from "../../shared/actor/contract.ts";
import type { Subjects } from "../../shared/bus/subjects.ts";
import type { AgentEvent } from "../../shared/model/event.ts";
import {
  type AgentMode,
  byeSchema,
  type HeldAttempt,
  type Hello,
  heartbeatSchema,
  helloSchema,
  type Order,
  type Orders,
  PROTOCOL_VERSION,
  type Report,
  reportSchema,
} from "../../shared/model/messages.ts";
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
import { type Batch, OrderChannel } from "../core/order-channel.ts";
import type { EventLog } from "../journal/journal.ts";
import type { Counters } from "./counters.ts";
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
const RESEND_AFTER_MS = 1000;
const RESENT_BATCHES = 10;
const MAX_ORDERS_BYTES = 400 * 1024;
/** A lost or departed agent is listed this long. */
const FORGET_AFTER_MS = 24 * 3600_000;

export class FleetActor implements Behaviour<FleetMessage> {
  readonly #options: FleetOptions;
  readonly #runs = new Map<string, ActorRef<RunMessage>>();
  readonly #channels = new Map<string, OrderChannel>();
  /** Agents that hold leases of an earlier leader and have not said hello to this one, since when. */
  readonly #awaited = new Map<string, number>();
  /** Reports of unknown runs are dropped only when all runs are known. */
  #isRecovered = false;
  #isFlushDue = false;
  #eventSeq = 0;
  #events: AgentEvent[] = [];
  #isStoringEvents = false;
  #ticks: Cancel | undefined;

  constructor(options: FleetOptions) {
    this.#options = options;
  }

  started(context: Context<FleetMessage>): void {
    const { subjects, coordinator } = this.#options;
    context.subscribe(subjects.fromAgentAll(), (payload, subject) => {
      const [type = "", token = ""] = subject.split(".").reverse();
      return { kind: "fromAgent", token, type, payload };
    });
    this.#ticks = context.every(TICK_MS, { kind: "tick" });
    coordinator.tell({ kind: "fleetStarted" });
  }

  stopped(): void {
    this.#ticks?.();
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
        return this.#flush(context);
      case "tick":
        return this.#onTick(context);
      case "schedulerStarted":
        for (const agent of this.#options.fleet.agents.values()) this.#offer(agent);
        return;
      case "eventsStored":
        this.#isStoringEvents = false;
        return this.#storeEvents(context);
      case "eventsFailed":
        this.#isStoringEvents = false;
        context.log.error({ reason: message.reason }, "the fleet's events could not be stored");
        return;
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
        this.#confirm(parsed.body);
        return this.#carryOut(onHeartbeat(fleet, parsed.body, nowMs), context);
      case "bye":
        return this.#carryOut(onBye(fleet, parsed.body, nowMs), context);
      case "report": {
        this.#confirm(parsed.body);
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
          this.#emit({ type: "agent.mode", agent: effect.agent.name, mode: effect.agent.mode }, context);
          break;
        case "suspected":
          this.#emit({ type: "agent.suspect", agent: effect.agent.name, silentMs: effect.silentMs }, context);
          break;
        case "recovered":
          this.#emit({ type: "agent.recovered", agent: effect.agent.name }, context);
          break;
        case "lost": {
          const seconds = Math.round(effect.silentMs / 1000);
          this.#emit({ type: "agent.lost", agent: effect.agent.name, silentMs: effect.silentMs }, context);
          this.#giveUp(effect.agent.name, `the agent ${effect.agent.name} was silent for ${seconds} s`);
          break;
        }
        case "left":
          this.#emit({ type: "agent.left", agent: effect.agent.name, reason: effect.reason }, context);
          this.#giveUp(effect.agent.name, `the agent ${effect.agent.name} has left`);
          break;
        case "askHello":
          this.#askHello(effect.agent, context);
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
    const lastSeen = hello.epoch === this.#options.epoch ? hello.ordersSeen : 0;
    const known = isNewIncarnation || lastSeen === 0 ? undefined : this.#channels.get(agent.name);
    const channel = known ?? new OrderChannel(RESEND_AFTER_MS, lastSeen);
    channel.onConfirmed(lastSeen);
    this.#channels.set(agent.name, channel);
    this.#awaited.delete(agent.name);
    this.#publish(agent.name, hello.incarnation, channel.greet(context.monotonicMs()), context);
    this.#offer(agent);
    if (isNewIncarnation) {
      const { incarnation, labels, capacity } = hello;
      const slots = capacity.slots;
      this.#emit({ type: "agent.joined", agent: agent.name, incarnation, slots, labels }, context);
    }
    for (const [run, ref] of this.#runs) {
      const held = hello.held.filter((item) => item.run === run);
      ref.tell({ kind: "agentResynced", agent: agent.name, incarnation: hello.incarnation, held });
    }
    if (!this.#isRecovered) return;
    const strays = hello.held.filter((held) => !this.#runs.has(held.run));
    this.#enqueue(agent.name, strays.map(endStray), context);
  }

  #confirm(message: { agent: string; incarnation: string; epoch: number; ordersSeen: number }): void {
    const agent = this.#options.fleet.agents.get(message.agent);
    if (agent?.hello.incarnation !== message.incarnation || message.epoch !== this.#options.epoch) return;
    this.#channels.get(message.agent)?.onConfirmed(message.ordersSeen);
  }

  #enqueue(agent: string, orders: readonly Order[], context: Context<FleetMessage>): void {
    const channel = this.#channels.get(agent);
    if (channel === undefined || orders.length === 0) return;
    for (const order of orders) channel.enqueue(order);
    if (this.#isFlushDue) return;
    this.#isFlushDue = true;
    context.self.tell({ kind: "flush" });
  }

  #flush(context: Context<FleetMessage>): void {
    for (const [name, channel] of this.#channels) {
      const agent = this.#options.fleet.agents.get(name);
      if (agent === undefined) continue;
      for (const batch of channel.takeNew(context.monotonicMs(), MAX_ORDERS_BYTES)) {
        this.#publish(name, agent.hello.incarnation, batch, context);
      }
    }
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
      for (const batch of this.#channels.get(agent.name)?.takeOverdue(nowMs, RESENT_BATCHES) ?? []) {
        this.#options.counters.count("orders.resent");
        this.#publish(agent.name, agent.hello.incarnation, batch, context);
      }
    }
  }

  /** Its jobs are given to others; it has to say hello again to be given any. */
  #giveUp(agent: string, reason: string): void {
    this.#channels.delete(agent);
    this.#options.scheduler.tell({ kind: "agentGone", agent });
    for (const ref of this.#runs.values()) ref.tell({ kind: "agentGone", agent, reason });
  }

  #offer(agent: AgentRecord): void {
    if (agent.state === "lost" || agent.state === "left") return;
    this.#options.scheduler.tell({ kind: "offer", offer: offerOf(agent) });
  }

  #askHello(agent: string, context: Context<FleetMessage>): void {
    this.#publish(agent, "", { number: 0, orders: [] }, context);
  }

  #publish(agent: string, incarnation: string, batch: Batch, context: Context<FleetMessage>): void {
    const { subjects, codec, epoch, fleet } = this.#options;
    const message: Orders = {
      v: PROTOCOL_VERSION,
      epoch,
      incarnation,
      number: batch.number,
      heartbeatMs: fleet.times.heartbeatMs,
      orders: [...batch.orders],
    };
    context.publish(subjects.toAgent(agent), codec.encode(message));
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

  #emit(event: WithoutHead<AgentEvent>, context: Context<FleetMessage>): void {
    this.#eventSeq += 1;
    const whole = {
      v: 1,
      seq: this.#eventSeq,
      at: new Date(context.now()).toISOString(),
      ...event,
    } as AgentEvent;
    const { subjects } = this.#options;
    context.publish(subjects.agentEvent(whole.agent, whole.type), Buffer.from(JSON.stringify(whole)));
    this.#events.push(whole);
    this.#storeEvents(context);
  }

  #storeEvents(context: Context<FleetMessage>): void {
    if (this.#isStoringEvents || this.#events.length === 0) return;
    const events = this.#events;
    this.#events = [];
    this.#isStoringEvents = true;
    context.pipe(
      this.#options.eventLog.storeFleet(events),
      () => ({ kind: "eventsStored" }),
      (error) => ({ kind: "eventsFailed", reason: String(error) }),
    );
  }
}

type WithoutHead<E> = E extends unknown ? Omit<E, "v" | "seq" | "at"> : never;

type FromAgent =
  | { readonly type: "hello"; readonly body: Hello }
  | { readonly type: "heartbeat"; readonly body: ReturnType<typeof heartbeatSchema.parse> }
  | { readonly type: "report"; readonly body: Report }
  | { readonly type: "bye"; readonly body: ReturnType<typeof byeSchema.parse> };

function parseFromAgent(type: string, decoded: unknown): FromAgent | undefined {
  switch (type) {
    case "hello":
      return accepted(type, helloSchema.safeParse(decoded));
    case "heartbeat":
      return accepted(type, heartbeatSchema.safeParse(decoded));
    case "report":
      return accepted(type, reportSchema.safeParse(decoded));
    case "bye":
      return accepted(type, byeSchema.safeParse(decoded));
    default:
      return undefined;
  }
}

function accepted<T extends string, B>(
  type: T,
  parsed: { success: boolean; data?: B },
): { type: T; body: B } | undefined {
  return parsed.success && parsed.data !== undefined ? { type, body: parsed.data } : undefined;
}

function refOf(item: { run: string; job: number; attempt: number; lease: string }) {
  return { run: item.run, job: item.job, attempt: item.attempt, lease: item.lease };
}

/** An attempt of a run that is over: nobody waits for it. */
function endStray(held: HeldAttempt): Order {
  if (held.phase === "finished") return { ...refOf(held), kind: "settle" };
  return { ...refOf(held), kind: "cancel", reason: "its run is over" };
}
