/** Broken decisions of who may write, what a new leader begins with, and what is of an earlier agent or leader. */
import type { Mutation } from "../mutations.ts";

const LEASES = "coordinator/core/lease-reconciliation.ts";

export const takeoverMutations: readonly Mutation[] = [
  {
    breaks: "an attempt whose lease is over is ended when its agent comes back",
    file: LEASES,
    find: 'return [{ kind: "cancel", ...ref, reason: "its lease is no longer in force" }];',
    replace: "return [];",
  },
  {
    breaks: "an agent refuses the orders for its predecessor",
    file: "agent/core/order-channel.ts",
    find: 'if (batch.incarnation !== channel.incarnation) return refuse(channel, "otherIncarnation");',
    replace: "",
  },
];
