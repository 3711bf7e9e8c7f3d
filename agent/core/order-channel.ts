/**
 * The receiving end of the numbered order channel.
 *
 * A coordinator numbers its batches 1, 2, 3 … for each (epoch, incarnation) and repeats what is not confirmed; it
 * answers a hello with the next batch, if need be an empty one. Number 0 carries no orders and asks for a hello.
 *
 * Safe: a batch is handled at most once, in order, and only for this incarnation; once a higher epoch has spoken,
 * a lower one never changes anything again. Live: a refused repeat is confirmed again by whatever the agent sends
 * next, and a gap is closed by the coordinator's repeats.
 *
 * Invariants: (1) `epoch` never falls. (2) `seen` grows by one with each handled batch and starts again at 0 only
 * with a higher epoch.
 */
import type { Orders } from "../../shared/model/messages.ts";

export interface OrderChannel {
  readonly incarnation: string;
  epoch: number;
  seen: number;
  /** The last number that something sent has confirmed. */
  confirmed: number;
  /** How many batches were refused, by reason. */
  readonly refused: Map<OrderRefusal, number>;
}

/** `malformed`, `version` and `order` are about what could not be read: a batch, its version, one order of it. */
export type OrderRefusal =
  | "oldEpoch"
  | "otherIncarnation"
  | "duplicate"
  | "gap"
  | "malformed"
  | "version"
  | "order";

export type OrderVerdict =
  | { readonly kind: "handle"; readonly newEpoch: boolean }
  /** The coordinator wants to know who is here. */
  | { readonly kind: "hello"; readonly newEpoch: boolean }
  | { readonly kind: "refused"; readonly reason: OrderRefusal };

/** A channel on which nothing has been heard yet. */
export function openOrderChannel(incarnation: string): OrderChannel {
  return { incarnation, epoch: 0, seen: 0, confirmed: 0, refused: new Map() };
}

/** Decides on one batch, and counts it as handled when it is to be handled. */
export function onOrdersReceived(
  channel: OrderChannel,
  batch: Pick<Orders, "epoch" | "incarnation" | "number">,
): OrderVerdict {
  if (batch.epoch < channel.epoch) return refuse(channel, "oldEpoch");
  const newEpoch = batch.epoch > channel.epoch;
  if (newEpoch) {
    channel.epoch = batch.epoch;
    startAnew(channel);
  }
  if (batch.number === 0) return { kind: "hello", newEpoch };
  if (batch.incarnation !== channel.incarnation) return refuse(channel, "otherIncarnation");
  if (batch.number <= channel.seen) return refuse(channel, "duplicate");
  if (batch.number > channel.seen + 1) return refuse(channel, "gap");
  channel.seen = batch.number;
  return { kind: "handle", newEpoch };
}

function startAnew(channel: OrderChannel): void {
  channel.seen = 0;
  channel.confirmed = 0;
}

/** Counts something that was refused. */
export function countRefusal(channel: OrderChannel, reason: OrderRefusal): void {
  channel.refused.set(reason, (channel.refused.get(reason) ?? 0) + 1);
}

function refuse(channel: OrderChannel, reason: OrderRefusal): OrderVerdict {
  countRefusal(channel, reason);
  return { kind: "refused", reason };
}
