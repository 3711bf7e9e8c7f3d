/**
 * The fleet actor: everything that comes from agents comes in here, everything that goes to them goes out here.
 * `core/fleet.ts` decides who is alive, `core/order-channel.ts` makes orders reliable; this is the shell.
 *
 * Roll call: at its start it asks every agent of which the server has kept a heartbeat for a hello, so that a new leader
 * knows the fleet after one round trip. Agents that hold leases and are not heard within `lostAfterMs` are given up.
 *
 * Safe: 1. what an agent reports reaches a run only from the holder of its name; 2. what belongs to a run that it
 * does not know is ended only when the run is over (`strays.ts`). Live: 3. a run that has a lease on an agent hears what
 * the agent holds, or that it is gone, in whatever order run, lease and agent become known.
 */
import type { ActorRef, Behaviour, Codec, Context } from "../../shared/actor/contract.ts";
import type { Subjects } from "../../shared/bus/subjects.ts";
import type { Hello, Order, Report } from "../../shared/model/messages.ts";
import { subjectToken } from "../../shared/model/name.ts";
import { MOST_EPOCHS_LOST } from "../core/election.ts";
import {
  type AgentRecord,
  type FleetEffect,
  isPresent,
  offerOf,
  onBye,
  onHeartbeat,
  onHello,
  onOutageEnded,
  onReport,
  onTick,
} from "../core/fleet.ts";
import { ListeningClock } from "../core/listening-clock.ts";
import type { OrderChannel } from "../core/order-channel.ts";
import type { EventLog } from "../journal/journal.ts";
import { AgentCommands, type AgentCommandsOptions } from "./agent-commands.ts";
import { type FromAgent, readFromAgent } from "./agent-message.ts";
import { AgentOrders } from "./agent-orders.ts";
import type { Counters } from "./counters.ts";
import { FleetEvents, type FleetNumbers } from "./fleet-events.ts";
import { FleetRuns, runsStartedBy } from "./fleet-runs.ts";
import type { CoordinatorMessage, FleetMessage, RunMessage } from "./messages.ts";
import { endStray, type StrayOrder, settleStray } from "./strays.ts";

export interface FleetOptions extends AgentCommandsOptions {
  readonly epoch: number;
  readonly channels: Map<string, OrderChannel>;
  readonly numbers: FleetNumbers;
  readonly subjects: Subjects;
  readonly codec: Codec;
  readonly eventLog: EventLog;
  /** Tokens of the agents of which a heartbeat was heard lately. */
  readonly heardOf: () => Promise<readonly string[]>;
  readonly counters: Counters;
  readonly coordinator: ActorRef<CoordinatorMessage>;
  /** An agent has obeyed this epoch, though not by an order of this leader. */
  readonly onEpochObeyed: (epoch: number) => void;
}

const TICK_MS = 500;
/** Without an echo for so long nobody could have been heard. */
const OUTAGE_MS = 4 * TICK_MS;
/** A lost or departed agent is listed this long. */
const FORGET_AFTER_MS = 24 * 3600_000;

export class FleetActor implements Behaviour<FleetMessage> {
  readonly #options: FleetOptions;
  readonly #runs = new FleetRuns();
  readonly #orders: AgentOrders;
  readonly #events: FleetEvents;
  readonly #commands: AgentCommands;
  #clock = new ListeningClock(0, OUTAGE_MS);
  /** Agents that may hold leases, of an earlier leader or actor, and have not said hello to this one; since when. */
  readonly #awaited = new Map<string, number>();
  #isFlushDue = false;
  /** All runs of before are known. */
  #isRecovered = false;
  /** Where it hears itself. */
  #echo = "";

  constructor(options: FleetOptions) {
    this.#options = options;
    this.#orders = new AgentOrders(options);
    this.#events = new FleetEvents(options);
    this.#commands = new AgentCommands(options, this.#orders);
  }

  started(context: Context<FleetMessage>): void {
    const { subjects, coordinator, heardOf } = this.#options;
    this.#clock = new ListeningClock(context.monotonicMs(), OUTAGE_MS);
    this.#echo = subjects.echo(context.id());
    context.subscribe(this.#echo, () => ({ kind: "echo" }));
    context.subscribe(subjects.fromAgentAll(), (payload, subject) => this.#read(payload, subject, context));
    context.every(TICK_MS, { kind: "tick" });
    // The scheduler has their places: what it gives to one that is gone would wait for ever.
    for (const name of this.#orders.openAgents()) this.#awaited.set(name, this.#clock.nowMs);
    context.pipe(
      heardOf(),
      (tokens) => ({ kind: "heardOf", tokens }),
      (error) => ({ kind: "heardOfNobody", reason: String(error) }),
    );
    coordinator.tell({ kind: "fleetStarted" });
  }

  receive(message: FleetMessage, context: Context<FleetMessage>): void {
    switch (message.kind) {
      case "fromAgent":
        return this.#onFromAgent(message.message, context);
      case "heardOf":
        return this.#callRoll(message.tokens, context);
      case "heardOfNobody":
        return context.log.warn({ reason: message.reason }, "no roll call: heartbeats can't be read");
      case "echo":
        return this.#onEcho(context);
      case "runOpened":
        return this.#onRunOpened(message.run, message.ref);
      case "runClosed":
        return this.#runs.close(message.run);
      case "recovered":
        return this.#onRecovered(message.runs);
      case "leaseAdopted":
        if (this.#runs.concern(message.run, message.agent)) {
          this.#onLease(message.run, message.agent);
        }
        return;
      case "orders":
        return this.#onOrders(message, context);
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
        return this.#commands.onCommand(message.command, message.replyTo, this.#clock.nowMs, context);
    }
  }

  /** What is no valid message of its sender goes no further than here. */
  #read(payload: Uint8Array, subject: string, context: Context<FleetMessage>): FleetMessage | undefined {
    const [type = "", token = ""] = subject.split(".").reverse();
    const message = readFromAgent(this.#options.codec, { token, type }, payload);
    if (message.type !== "refused") return { kind: "fromAgent", message };
    context.deadLetter(message.reason, subject, payload);
    return undefined;
  }

  #onFromAgent(message: FromAgent, context: Context<FleetMessage>): void {
    const { type, body } = message;
    const obeyed = this.#orders.strangeEpoch(body);
    if (obeyed !== undefined && !this.#isBelieved(obeyed)) {
      return context.deadLetter("epoch", this.#options.subjects.fromAgent(body.agent, type), body);
    }
    if (obeyed !== undefined) this.#options.onEpochObeyed(obeyed);
    const effects = this.#decide(message);
    const refused = effects.find((effect) => effect.kind === "refused");
    if (refused?.reason === "unknown") this.#options.counters.count("refused.unknown");
    else if (refused !== undefined) {
      context.deadLetter(refused.reason, this.#options.subjects.fromAgent(body.agent, type), body);
    }
    this.#carryOut(effects, context);
    if (refused === undefined) this.#onBelieved(message);
  }

  #onBelieved({ type, body }: FromAgent): void {
    switch (type) {
      case "hello":
      case "heartbeat":
        // What it has handled of another leader's orders is nothing to those of this one.
        if (body.epoch === this.#options.epoch) this.#commands.onMode(body);
        return;
      case "report":
        return this.#deliver(body);
      case "answer":
        this.#commands.onAnswer(body);
        return this.#runs.onAnswer(body);
      case "bye":
        return;
    }
  }

  #isBelieved(obeyed: number): boolean {
    return obeyed <= this.#options.epoch + MOST_EPOCHS_LOST;
  }

  #decide({ type, body }: FromAgent): FleetEffect[] {
    const { fleet } = this.#options;
    const { nowMs } = this.#clock;
    switch (type) {
      case "hello":
        return onHello(fleet, body, nowMs);
      case "heartbeat":
        this.#orders.onConfirmed(body);
        return onHeartbeat(fleet, body, nowMs);
      case "report":
      case "answer":
        this.#orders.onConfirmed(body);
        return onReport(fleet, body, nowMs);
      case "bye":
        return onBye(fleet, body, nowMs);
    }
  }

  #deliver(report: Report): void {
    const strays = this.#runs.deliver(report);
    const settled = strays.filter((item) => item.kind !== "started" && item.kind !== "progress");
    this.#sightStrays(report.agent, settled.map(settleStray));
  }

  #callRoll(tokens: readonly string[], context: Context<FleetMessage>): void {
    const registered = new Set([...this.#options.fleet.agents.keys()].map(subjectToken));
    for (const token of tokens) if (!registered.has(token)) this.#orders.askHello(token, context);
  }

  #onEcho(context: Context<FleetMessage>): void {
    if (!this.#clock.onEcho(context.monotonicMs())) return;
    const { nowMs } = this.#clock;
    onOutageEnded(this.#options.fleet, nowMs);
    for (const name of this.#awaited.keys()) this.#awaited.set(name, nowMs);
  }

  #onRecovered(runs: Extract<FleetMessage, { kind: "recovered" }>["runs"]): void {
    this.#isRecovered = true;
    for (const { run, ref } of runs) this.#runs.know(run, ref);
    for (const agent of this.#options.fleet.agents.values()) {
      // Its hello may have come before the run was there.
      if (isPresent(agent)) this.#runs.resyncUnconcerned(agent);
    }
  }

  /** A run that goes on after a failure of its actor has forgotten what agents said, also of what it has no lease for. */
  #onRunOpened(run: string, ref: ActorRef<RunMessage>): void {
    this.#runs.open(run, ref);
    if (!this.#isRecovered) return;
    for (const agent of this.#options.fleet.agents.values()) {
      if (isPresent(agent) && agent.held.some((item) => item.run === run)) this.#runs.resyncOne(run, agent);
    }
  }

  /** A run has a lease on an agent: it hears what is known of that agent, now or when its time has run out. */
  #onLease(run: string, name: string): void {
    const agent = this.#options.fleet.agents.get(name);
    if (agent === undefined) {
      if (!this.#awaited.has(name)) this.#awaited.set(name, this.#clock.nowMs);
    } else if (isPresent(agent)) this.#runs.resyncOne(run, agent);
    else
      this.#runs.goneFor(run, name, `the agent ${name} ${agent.state === "left" ? "has left" : "is lost"}`);
  }

  #onOrders(message: Extract<FleetMessage, { kind: "orders" }>, context: Context<FleetMessage>): void {
    const { agent: name, incarnation, orders } = message;
    const isForIt = incarnation === undefined || this.#orders.isFor(name, incarnation);
    for (const run of runsStartedBy(orders)) {
      this.#runs.concern(run, name);
      // The agent was given up, or started again, while the lease was being stored.
      if (!isForIt || !this.#orders.isOpen(name)) this.#onLease(run, name);
    }
    if (isForIt) this.#enqueue(name, orders, context);
  }

  #carryOut(effects: readonly FleetEffect[], context: Context<FleetMessage>): void {
    for (const effect of effects) {
      this.#events.tell(effect, context);
      switch (effect.kind) {
        case "joined":
          this.#onJoined(effect.agent, context);
          break;
        case "offerChanged":
          this.#offer(effect.agent);
          break;
        case "lost": {
          const seconds = Math.round(effect.silentMs / 1000);
          this.#giveUp(effect.agent.name, `the agent ${effect.agent.name} was silent for ${seconds} s`);
          break;
        }
        case "left":
          this.#giveUp(effect.agent.name, `the agent ${effect.agent.name} has left`);
          break;
        case "nameTaken":
          this.#onNameTaken(effect.agent, effect.claimant, context);
          break;
        case "askHello":
          this.#orders.askHello(subjectToken(effect.agent), context);
          break;
        case "modeChanged":
        case "suspected":
        case "recovered":
        case "refused":
          break;
      }
    }
  }

  /** A hello opens the order channel, or goes on with it; what the agent holds is compared with what it should hold. */
  #onJoined(agent: AgentRecord, context: Context<FleetMessage>): void {
    this.#awaited.delete(agent.name);
    this.#orders.onHello(agent.hello, context);
    this.#offer(agent);
    this.#runs.resync(agent);
    this.#lookForStrays(agent);
  }

  /** Two processes of one name: the one that has it keeps it, the other is told; people are told of both. */
  #onNameTaken({ name, hello }: AgentRecord, claimant: Hello, context: Context<FleetMessage>): void {
    this.#options.counters.count("refused.nameTaken");
    context.log.error(
      { agent: name, holder: hello.host, refused: claimant.host },
      "two agents use one name: one of them is refused",
    );
    const holder = `process ${hello.host.pid} on ${hello.host.hostname}`;
    this.#orders.refuse(claimant, `the name ${name} is in use by ${holder}`, context);
  }

  #lookForStrays({ name, held }: AgentRecord): void {
    const strays = held.filter(({ run }) => !this.#runs.has(run));
    this.#sightStrays(name, strays.map(endStray));
  }

  /** The coordinator finds out whether their runs are over. */
  #sightStrays(agent: string, orders: readonly StrayOrder[]): void {
    if (orders.length > 0) this.#options.coordinator.tell({ kind: "straysSighted", agent, orders });
  }

  #enqueue(agent: string, orders: readonly Order[], context: Context<FleetMessage>): void {
    if (!this.#orders.enqueue(agent, orders) || this.#isFlushDue) return;
    this.#isFlushDue = true;
    context.self.tell({ kind: "flush" });
  }

  #onTick(context: Context<FleetMessage>): void {
    const { fleet } = this.#options;
    const { nowMs } = this.#clock;
    context.publish(this.#echo, new Uint8Array());
    this.#carryOut(onTick(fleet, nowMs), context);
    for (const [name, sinceMs] of this.#awaited) {
      if (nowMs - sinceMs < fleet.times.lostAfterMs) continue;
      this.#awaited.delete(name);
      this.#giveUp(name, `the agent ${name} has not been heard since the coordinator started`);
    }
    for (const agent of [...fleet.agents.values()]) {
      if (isPresent(agent) || nowMs - agent.lastHeardMs <= FORGET_AFTER_MS) continue;
      fleet.agents.delete(agent.name);
      fleet.claims.delete(agent.name);
      this.#orders.forget(agent.name);
    }
    this.#orders.onTick(context);
    this.#commands.onTick(context);
  }

  /** Its jobs are given to others; it has to say hello again to be given any. */
  #giveUp(agent: string, reason: string): void {
    this.#orders.close(agent);
    this.#commands.onGone(agent, reason);
    this.#options.scheduler.tell({ kind: "agentGone", agent });
    this.#runs.gone(agent, reason);
  }

  #offer(agent: AgentRecord): void {
    if (!isPresent(agent)) return;
    this.#options.scheduler.tell({ kind: "offer", offer: offerOf(agent) });
  }
}
