/**
 * Attempts that agents hold of runs that the fleet does not know. Most are of a run that is over: its agent has missed
 * the order that settles them. A few are of a run that a deposed leader took before it heard of its successor.
 *
 *   sighted ──its run is over, or not in the journal──▶ ended or settled
 *      │  ▲ └──its run is living──▶ left to the run
 *      │  └── the journal does not answer: again after a while
 *      └──only the journal has its run──▶ the run is taken up
 *
 * Safe: 1. an attempt is ended only after a reading that began when it was sighted did not find its run: a lease is stored
 * before its start order leaves, so the journal has the run of whatever is to go on. Live: 2. a run that is found is taken
 * up like any other: it compares what its agents hold with what they should hold.
 */
import type { ActorRef, Context } from "../../shared/actor/contract.ts";
import { type AttemptRef, attemptRef, type HeldAttempt, type Order } from "../../shared/model/messages.ts";
import { byRun } from "../core/by-run.ts";
import type { Journal } from "../journal/journal.ts";
import type { Counters } from "./counters.ts";
import type { CoordinatorMessage, FleetMessage } from "./messages.ts";

/** What an agent would be told of attempts if their run is over. */
export type StrayOrder = Extract<Order, { kind: "cancel" | "settle" }>;

export type StrayMessage = Extract<CoordinatorMessage, { kind: "straysSighted" | "straysLookedFor" }>;

/** What the coordinator knows of a run without asking the journal. */
export type RunLife = "living" | "over" | "unknown";

export interface StraysOptions {
  readonly journal: Pick<Journal, "has">;
  readonly fleet: ActorRef<FleetMessage>;
  readonly counters: Counters;
  readonly lifeOf: (run: string) => RunLife;
  readonly takeUp: (run: string) => void;
}

interface Sighted {
  readonly agent: string;
  readonly orders: readonly StrayOrder[];
}

const AGAIN_MS = 1_000;

export class Strays {
  readonly #options: StraysOptions;

  constructor(options: StraysOptions) {
    this.#options = options;
  }

  take(message: StrayMessage, context: Context<CoordinatorMessage>): void {
    const { lifeOf, takeUp } = this.#options;
    const { agent, orders } = message;
    if (message.kind === "straysSighted") {
      for (const [run, its] of byRun(orders)) this.#judge(run, { agent, orders: its }, context);
    } else if (message.isStored === null) {
      context.after(AGAIN_MS, { kind: "straysSighted", agent, orders });
    } else if (!message.isStored) {
      this.#end(message);
    } else if (lifeOf(message.run) === "unknown") {
      context.log.warn({ run: message.run, agent }, "a run that a deposed leader has taken is taken up");
      takeUp(message.run);
    }
  }

  #judge(run: string, sighted: Sighted, context: Context<CoordinatorMessage>): void {
    const { journal, lifeOf } = this.#options;
    const life = lifeOf(run);
    if (life === "over") this.#end(sighted);
    if (life !== "unknown") return;
    const looked = (isStored: boolean | null): CoordinatorMessage => ({
      kind: "straysLookedFor",
      run,
      isStored,
      ...sighted,
    });
    context.pipe(journal.has(run), looked, () => looked(null));
  }

  #end({ agent, orders }: Sighted): void {
    this.#options.counters.count("refused.unknownRun", orders.length);
    this.#options.fleet.tell({ kind: "orders", agent, orders });
  }
}

/** An attempt of a run that is over: nobody waits for it. */
export function endStray(held: HeldAttempt): StrayOrder {
  if (held.phase === "finished") return settleStray(held);
  return { ...attemptRef(held), kind: "cancel", reason: "its run is over" };
}

/** What its agent still tells of an attempt of a run that is over. */
export function settleStray(attempt: AttemptRef): StrayOrder {
  return { ...attemptRef(attempt), kind: "settle" };
}
