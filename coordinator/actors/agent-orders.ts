/** The order channels of all agents, and the messages that carry their batches. */
import type { Codec, Context } from "../../shared/actor/contract.ts";
import type { Subjects } from "../../shared/bus/subjects.ts";
import { type Hello, type Order, type Orders, PROTOCOL_VERSION } from "../../shared/model/messages.ts";
import type { Fleet } from "../core/fleet.ts";
import { type Batch, OrderChannel } from "../core/order-channel.ts";
import type { Counters } from "./counters.ts";
import type { FleetMessage } from "./messages.ts";

export interface AgentOrdersOptions {
  readonly epoch: number;
  readonly fleet: Fleet;
  readonly subjects: Subjects;
  readonly codec: Codec;
  readonly counters: Counters;
}

const RESEND_AFTER_MS = 1000;
const RESENT_BATCHES = 10;
const MAX_BATCH_BYTES = 400 * 1024;

export class AgentOrders {
  readonly #options: AgentOrdersOptions;
  readonly #channels = new Map<string, OrderChannel>();

  constructor(options: AgentOrdersOptions) {
    this.#options = options;
  }

  /** Opens the agent's channel, or goes on with it where the agent stands, and answers the hello. */
  onHello(hello: Hello, isNewIncarnation: boolean, context: Context<FleetMessage>): void {
    const lastSeen = hello.epoch === this.#options.epoch ? hello.ordersSeen : 0;
    const known = isNewIncarnation || lastSeen === 0 ? undefined : this.#channels.get(hello.agent);
    const channel = known ?? new OrderChannel(RESEND_AFTER_MS, lastSeen);
    channel.onConfirmed(lastSeen);
    this.#channels.set(hello.agent, channel);
    this.#publish(hello.agent, hello.incarnation, channel.greet(context.monotonicMs()), context);
  }

  onConfirmed(message: { agent: string; incarnation: string; epoch: number; ordersSeen: number }): void {
    const agent = this.#options.fleet.agents.get(message.agent);
    if (agent?.hello.incarnation !== message.incarnation || message.epoch !== this.#options.epoch) return;
    this.#channels.get(message.agent)?.onConfirmed(message.ordersSeen);
  }

  /** Returns whether there is something to flush. An agent without a channel gets none: it is resynced at its hello. */
  enqueue(agent: string, orders: readonly Order[]): boolean {
    const channel = this.#channels.get(agent);
    if (channel === undefined) return false;
    for (const order of orders) channel.enqueue(order);
    return orders.length > 0;
  }

  flush(context: Context<FleetMessage>): void {
    for (const [name, channel] of this.#channels) {
      const agent = this.#options.fleet.agents.get(name);
      if (agent === undefined) continue;
      for (const batch of channel.takeNew(context.monotonicMs(), MAX_BATCH_BYTES)) {
        this.#publish(name, agent.hello.incarnation, batch, context);
      }
    }
  }

  resend(name: string, context: Context<FleetMessage>): void {
    const agent = this.#options.fleet.agents.get(name);
    const overdue = this.#channels.get(name)?.takeOverdue(context.monotonicMs(), RESENT_BATCHES) ?? [];
    for (const batch of overdue) {
      this.#options.counters.count("orders.resent");
      if (agent !== undefined) this.#publish(name, agent.hello.incarnation, batch, context);
    }
  }

  /** Batch 0: whoever is there under this name is to say hello. */
  askHello(agent: string, context: Context<FleetMessage>): void {
    this.#publish(agent, "", { number: 0, orders: [] }, context);
  }

  close(agent: string): void {
    this.#channels.delete(agent);
  }

  #publish(agent: string, incarnation: string, batch: Batch, context: Context<FleetMessage>): void {
    const { subjects, codec, epoch, fleet } = this.#options;
    const { heartbeatMs } = fleet.times;
    const { number, orders } = batch;
    const message: Orders = {
      v: PROTOCOL_VERSION,
      epoch,
      incarnation,
      number,
      heartbeatMs,
      orders: [...orders],
    };
    context.publish(subjects.toAgent(agent), codec.encode(message));
  }
}
