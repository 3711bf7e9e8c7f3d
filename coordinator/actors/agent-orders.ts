/**
 * The order channels of all agents, and the messages that carry their batches. The channels outlive the actor that
 * uses them, so that a number is not given again when it is restarted.
 */
import type { Codec, Context } from "../../shared/actor/contract.ts";
import type { Subjects } from "../../shared/bus/subjects.ts";
import { MillraceError } from "../../shared/model/error.ts";
import { type Hello, type Order, type Orders, PROTOCOL_VERSION } from "../../shared/model/messages.ts";
import type { Fleet } from "../core/fleet.ts";
import { type Batch, OrderChannel } from "../core/order-channel.ts";
import type { Counters } from "./counters.ts";
import type { FleetMessage } from "./messages.ts";

/** Who says something, and how far orders have reached it. */
type Sender = Pick<Hello, "agent" | "incarnation" | "epoch" | "ordersSeen">;

export interface AgentOrdersOptions {
  readonly epoch: number;
  readonly fleet: Fleet;
  readonly subjects: Subjects;
  readonly codec: Codec;
  readonly counters: Counters;
  /** By agent. */
  readonly channels: Map<string, OrderChannel>;
}

const RESEND_AFTER_MS = 1000;
/** An agent is asked for a hello no more often than this, whatever is sent under its name. */
const ASK_AGAIN_AFTER_MS = 500;
const RESENT_BATCHES = 10;
const MAX_BATCH_BYTES = 400 * 1024;

export class AgentOrders {
  readonly #options: AgentOrdersOptions;
  readonly #channels: Map<string, OrderChannel>;
  /** When an agent was asked for a hello, by its token. */
  readonly #asked = new Map<string, number>();
  /** Of an agent without a channel it can't be told whether it had one. */
  #hasForgotten = false;

  constructor(options: AgentOrdersOptions) {
    this.#options = options;
    this.#channels = options.channels;
  }

  /** Opens the agent's channel, or goes on with it where the agent stands, and answers the hello. */
  onHello(hello: Hello, context: Context<FleetMessage>): void {
    const { agent, incarnation, epoch, ordersSeen } = hello;
    const lastSeen = epoch === this.#options.epoch ? ordersSeen : 0;
    const known = this.#channels.get(agent);
    const channel =
      known?.incarnation === incarnation
        ? known
        : new OrderChannel({ incarnation, resendAfterMs: RESEND_AFTER_MS, lastSeen });
    channel.open();
    channel.onConfirmed(lastSeen);
    this.#channels.set(agent, channel);
    this.#publish(agent, incarnation, channel.greet(context.monotonicMs()), context);
  }

  onConfirmed(message: Sender): void {
    const channel = this.#channels.get(message.agent);
    if (channel?.incarnation !== message.incarnation || message.epoch !== this.#options.epoch) return;
    channel.onConfirmed(message.ordersSeen);
  }

  /**
   * The epoch that an agent has obeyed, where that is none of this leader's orders: a higher one, or its own, of which
   * the agent has handled more batches than were given here. Undefined when all is well.
   */
  strangeEpoch(message: Sender): number | undefined {
    const { agent, incarnation, epoch, ordersSeen } = message;
    if (epoch !== this.#options.epoch) return epoch > this.#options.epoch ? epoch : undefined;
    const channel = this.#channels.get(agent);
    const isKnown = channel === undefined ? !this.#hasForgotten : channel.incarnation === incarnation;
    return isKnown && ordersSeen > (channel?.lastNumber ?? 0) ? epoch : undefined;
  }

  /** Returns whether there is something to flush. An agent without a channel gets none: it is resynced at its hello. */
  enqueue(agent: string, orders: readonly Order[]): boolean {
    const channel = this.#channels.get(agent);
    if (channel === undefined || !channel.isOpen) return false;
    for (const order of orders) channel.enqueue(order);
    return orders.length > 0;
  }

  /** Those that take orders, whichever actor opened their channels. */
  openAgents(): string[] {
    return [...this.#channels].filter(([, { isOpen }]) => isOpen).map(([name]) => name);
  }

  /** Whether the agent takes orders: it has said hello, and has not been given up since. */
  isOpen(agent: string): boolean {
    return this.#channels.get(agent)?.isOpen ?? false;
  }

  /** Whether orders meant for an incarnation would reach it, and not its successor. */
  isFor(agent: string, incarnation: string): boolean {
    return this.#channels.get(agent)?.incarnation === incarnation;
  }

  /** Number of the last batch that was sent to the agent; 0 before the first. */
  lastNumber(agent: string): number {
    return this.#channels.get(agent)?.lastNumber ?? 0;
  }

  /** Sends what is waiting. */
  flush(context: Context<FleetMessage>): void {
    for (const [name, channel] of this.#channels) {
      for (const batch of channel.takeNew(context.monotonicMs(), MAX_BATCH_BYTES)) {
        this.#publish(name, channel.incarnation, batch, context);
      }
    }
  }

  /** Sends again what was not confirmed in time, and forgets whom it asked for a hello some time ago. */
  onTick(context: Context<FleetMessage>): void {
    const nowMs = context.monotonicMs();
    for (const [name, channel] of this.#channels) {
      if (!channel.isOpen) continue;
      for (const batch of channel.takeOverdue(nowMs, RESENT_BATCHES)) {
        this.#options.counters.count("orders.resent");
        this.#publish(name, channel.incarnation, batch, context);
      }
    }
    for (const [token, askedAtMs] of this.#asked) {
      if (nowMs - askedAtMs >= ASK_AGAIN_AFTER_MS) this.#asked.delete(token);
    }
  }

  /** Batch 0: whoever is there under this name, which is given as its token, is to say hello. */
  askHello(token: string, context: Context<FleetMessage>): void {
    if (this.#asked.has(token)) return;
    this.#asked.set(token, context.monotonicMs());
    this.#send(this.#options.subjects.toAgentToken(token), "", { number: 0, orders: [] }, context);
  }

  /** Tells an incarnation that it is not registered under this name, and why. */
  refuse({ agent, incarnation }: Hello, reason: string, context: Context<FleetMessage>): void {
    const subject = this.#options.subjects.toAgent(agent);
    this.#send(subject, incarnation, { number: 0, orders: [], refused: reason }, context);
  }

  close(agent: string): void {
    this.#channels.get(agent)?.close();
  }

  forget(agent: string): void {
    this.#hasForgotten = true;
    this.#channels.delete(agent);
  }

  #publish(agent: string, incarnation: string, batch: Batch, context: Context<FleetMessage>): void {
    this.#send(this.#options.subjects.toAgent(agent), incarnation, batch, context);
  }

  #send(
    subject: string,
    incarnation: string,
    batch: Batch & Pick<Orders, "refused">,
    context: Context<FleetMessage>,
  ): void {
    const { codec, epoch, fleet } = this.#options;
    const { heartbeatMs } = fleet.times;
    const { number, orders, refused } = batch;
    const message: Orders = {
      v: PROTOCOL_VERSION,
      epoch,
      incarnation,
      number,
      heartbeatMs,
      orders: [...orders],
      ...(refused === undefined ? {} : { refused }),
    };
    try {
      context.publish(subject, codec.encode(message));
    } catch (error) {
      // Anything else is a defect: the batch stays, and is sent again when the actor has been restarted.
      if (orders.length === 0 || !isTooLarge(error)) throw error;
      // No server takes a message of that size. The number has to come all the same, or the agent takes nothing more.
      this.#options.counters.count("orders.tooLarge");
      context.log.error(
        { subject, number, error: String(error) },
        "orders that fit no message were left out",
      );
      context.publish(subject, codec.encode({ ...message, orders: [] }));
    }
  }
}

function isTooLarge(error: unknown): boolean {
  return error instanceof MillraceError && error.code === "badInput";
}
