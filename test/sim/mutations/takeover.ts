/** Broken decisions of who may write, what a new leader begins with, and what is of an earlier agent or leader. */
import type { Mutation } from "../mutations.ts";

const RUN_LEASES = "coordinator/actors/run-leases.ts";
const ORDERS = "coordinator/actors/agent-orders.ts";
const STRAYS = "coordinator/actors/strays.ts";
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
  {
    breaks: "only the jobs of the agent that is gone are lost",
    file: RUN_LEASES,
    find: "liveAttempt(job)?.agent === agent",
    replace: "liveAttempt(job) !== undefined",
  },
  {
    breaks: "the jobs of an agent that is gone are lost",
    file: RUN_LEASES,
    find: "? decide.onAttemptLost(this.#state, index, reason, context.now(), context.fraction())",
    replace: "? []",
  },
  {
    breaks: "what is accepted is settled",
    file: RUN_LEASES,
    find: "if (decision.settles) settled.push(",
    replace: "if (false) settled.push(",
  },
  {
    breaks: "the orders of a new leader are numbered from 1",
    file: ORDERS,
    find: "const lastSeen = epoch === this.#options.epoch ? ordersSeen : 0;",
    replace: "const lastSeen = ordersSeen;",
  },
  {
    breaks: "the journal is asked before attempts of an unknown run are ended",
    file: STRAYS,
    find: 'if (life === "over") this',
    replace: 'if (life !== "living") this',
  },
];
