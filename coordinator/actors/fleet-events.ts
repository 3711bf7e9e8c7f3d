/** The fleet's events on their way out: live at once, durable in groups with one message in flight. */
import type { Context } from "../../shared/actor/contract.ts";
import type { Subjects } from "../../shared/bus/subjects.ts";
import type { AgentEvent } from "../../shared/model/event.ts";
import type { EventLog } from "../journal/journal.ts";
import type { FleetMessage } from "./messages.ts";

type WithoutHead<E> = E extends unknown ? Omit<E, "v" | "seq" | "at"> : never;

export class FleetEvents {
  readonly #eventLog: EventLog;
  readonly #subjects: Subjects;
  #seq = 0;
  #waiting: AgentEvent[] = [];
  #isStoring = false;

  constructor(stores: { readonly eventLog: EventLog; readonly subjects: Subjects }) {
    this.#eventLog = stores.eventLog;
    this.#subjects = stores.subjects;
  }

  add(event: WithoutHead<AgentEvent>, context: Context<FleetMessage>): void {
    this.#seq += 1;
    const at = new Date(context.now()).toISOString();
    const whole = { v: 1, seq: this.#seq, at, ...event } as AgentEvent;
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
