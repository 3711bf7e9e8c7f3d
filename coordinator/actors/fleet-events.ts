/** The fleet's events on their way out: live at once, durable in groups with one message in flight. */
import type { Context } from "../../shared/actor/contract.ts";
import type { Subjects } from "../../shared/bus/subjects.ts";
import type { AgentEvent } from "../../shared/model/event.ts";
import type { FleetEffect } from "../core/fleet.ts";
import type { EventLog } from "../journal/journal.ts";
import type { FleetMessage } from "./messages.ts";

type WithoutHead<E> = E extends unknown ? Omit<E, "v" | "seq" | "at"> : never;

/** More than a term ever has; below the largest whole number for nine million epochs. */
const NUMBERS_PER_EPOCH = 1_000_000_000;

/** Numbers of the fleet's events: unique, and rising over all leaders. They outlive the actor that gives them. */
export class FleetNumbers {
  #last: number;

  constructor(epoch: number) {
    this.#last = epoch * NUMBERS_PER_EPOCH;
  }

  next(): number {
    this.#last += 1;
    return this.#last;
  }
}

export class FleetEvents {
  readonly #eventLog: EventLog;
  readonly #subjects: Subjects;
  readonly #numbers: FleetNumbers;
  #waiting: AgentEvent[] = [];
  #isStoring = false;

  constructor(given: {
    readonly eventLog: EventLog;
    readonly subjects: Subjects;
    readonly numbers: FleetNumbers;
  }) {
    this.#eventLog = given.eventLog;
    this.#subjects = given.subjects;
    this.#numbers = given.numbers;
  }

  /** Tells of what has become of an agent, where others should know. */
  tell(effect: FleetEffect, context: Context<FleetMessage>): void {
    const event = eventOf(effect);
    if (event === undefined) return;
    const at = new Date(context.now()).toISOString();
    const whole = { v: 1, seq: this.#numbers.next(), at, ...event } as AgentEvent;
    context.publish(this.#subjects.agentEvent(whole.agent, whole.type), Buffer.from(JSON.stringify(whole)));
    this.#waiting.push(whole);
    this.#store(context);
  }

  onStored(context: Context<FleetMessage>): void {
    this.#isStoring = false;
    this.#store(context);
  }

  onFailed(reason: string, context: Context<FleetMessage>): void {
    this.#isStoring = false;
    context.log.error({ reason }, "the fleet's events could not be stored");
    this.#store(context);
  }

  #store(context: Context<FleetMessage>): void {
    if (this.#isStoring || this.#waiting.length === 0) return;
    const events = this.#waiting;
    this.#waiting = [];
    this.#isStoring = true;
    context.pipe(
      this.#eventLog.storeFleet(events),
      () => ({ kind: "eventsStored" }),
      (error) => ({ kind: "eventsFailed", reason: String(error) }),
    );
  }
}

function eventOf(effect: FleetEffect): WithoutHead<AgentEvent> | undefined {
  switch (effect.kind) {
    case "joined": {
      if (!effect.isBack) return undefined;
      const { agent, incarnation, labels, capacity } = effect.agent.hello;
      return { type: "agent.joined", agent, incarnation, slots: capacity.slots, labels };
    }
    case "modeChanged":
      return { type: "agent.mode", agent: effect.agent.name, mode: effect.agent.mode };
    case "suspected":
      return { type: "agent.suspect", agent: effect.agent.name, silentMs: effect.silentMs };
    case "recovered":
      return { type: "agent.recovered", agent: effect.agent.name };
    case "lost":
      return { type: "agent.lost", agent: effect.agent.name, silentMs: effect.silentMs };
    case "left":
      return { type: "agent.left", agent: effect.agent.name, reason: effect.reason };
    case "nameTaken": {
      const { agent, incarnation, host } = effect.claimant;
      return { type: "agent.nameTaken", agent, incarnation, hostname: host.hostname, pid: host.pid };
    }
    case "offerChanged":
    case "askHello":
    case "refused":
      return undefined;
  }
}
