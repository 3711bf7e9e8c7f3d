/**
 * The edge towards the coordinator: what arrives on the agent's subject is validated here, once. A batch that can't be
 * read is refused as a whole. One order in it that can't be read, such as one of a newer version, is refused alone: the
 * channel would stand still otherwise, as an unconfirmed batch is sent again for ever.
 */
import type { Codec } from "../../shared/actor/contract.ts";
import {
  type AttemptRef,
  attemptRefSchema,
  type Order,
  type Orders,
  orderBatchSchema,
  orderSchema,
  PROTOCOL_VERSION,
} from "../../shared/model/messages.ts";

/** An order that can't be read; `asksFor` is the attempt it wanted started, where that much can be. */
export interface UnreadableOrder {
  readonly payload: unknown;
  readonly problem: string;
  readonly asksFor: AttemptRef | undefined;
}

export type OrderReading =
  | { readonly kind: "orders"; readonly orders: Orders; readonly unreadable: readonly UnreadableOrder[] }
  | {
      readonly kind: "unreadableOrders";
      readonly reason: "malformed" | "version";
      readonly problem: string;
      readonly payload: unknown;
    };

export function readOrders(codec: Codec, payload: Uint8Array): OrderReading {
  let decoded: unknown;
  try {
    decoded = codec.decode(payload);
  } catch (error) {
    return { kind: "unreadableOrders", reason: "malformed", problem: String(error), payload };
  }
  const batch = orderBatchSchema.safeParse(decoded);
  if (!batch.success) {
    const reason = isOtherVersion(decoded) ? "version" : "malformed";
    return { kind: "unreadableOrders", reason, problem: batch.error.message, payload: decoded };
  }
  const orders: Order[] = [];
  const unreadable: UnreadableOrder[] = [];
  for (const item of batch.data.orders) {
    const order = orderSchema.safeParse(item);
    if (order.success) orders.push(order.data);
    else unreadable.push({ payload: item, problem: order.error.message, asksFor: wantedStart(item) });
  }
  return { kind: "orders", orders: { ...batch.data, orders }, unreadable };
}

function isOtherVersion(decoded: unknown): boolean {
  return typeof decoded === "object" && decoded !== null && "v" in decoded && decoded.v !== PROTOCOL_VERSION;
}

function wantedStart(item: unknown): AttemptRef | undefined {
  if (typeof item !== "object" || item === null || !("kind" in item) || item.kind !== "start")
    return undefined;
  return attemptRefSchema.safeParse("request" in item ? item.request : undefined).data;
}
