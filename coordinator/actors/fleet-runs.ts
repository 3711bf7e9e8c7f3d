/**
 * The living runs as the fleet knows them: where reports go, and who must hear what becomes of an agent.
 *
 * A run has to do with an agent once it has told of a lease there, or a start order for it has passed.
 */
import type { ActorRef } from "../../shared/actor/contract.ts";
import type { AnswerReport, Hello, Order, Report, ReportItem } from "../../shared/model/messages.ts";
import { byRun } from "../core/by-run.ts";
import type { AgentRecord } from "../core/fleet.ts";
import type { RunMessage } from "./messages.ts";

export class FleetRuns {
  readonly #refs = new Map<string, ActorRef<RunMessage>>();
  /** By agent: runs that may have leases there. */
  readonly #concerned = new Map<string, Set<string>>();

  /** A run begins, or goes on after a failure of its actor: it tells of its leases next. */
  open(run: string, ref: ActorRef<RunMessage>): void {
    this.#withoutConcerns(run);
    this.#refs.set(run, ref);
  }

  /** Where a run is to be found that has not begun yet. */
  know(run: string, ref: ActorRef<RunMessage>): void {
    this.#refs.set(run, ref);
  }

  close(run: string): void {
    this.#withoutConcerns(run);
    this.#refs.delete(run);
  }

  has(run: string): boolean {
    return this.#refs.has(run);
  }

  /** A run has to do with an agent. Returns whether that was not known. */
  concern(run: string, agent: string): boolean {
    const runs = this.#concerned.get(agent);
    if (runs?.has(run)) return false;
    if (runs === undefined) this.#concerned.set(agent, new Set([run]));
    else runs.add(run);
    return true;
  }

  /** What an agent holds goes to the runs it concerns, which compare it with what it should hold. */
  resync({ name, hello, held }: Pick<AgentRecord, "name" | "hello" | "held">): void {
    const runs = new Set([...(this.#concerned.get(name) ?? []), ...held.map(({ run }) => run)]);
    for (const run of runs) this.resyncOne(run, { name, hello, held });
  }

  /** The same of runs that have no lease there, as far as it is known: that of before may still go on. */
  resyncUnconcerned({ name, hello, held }: Pick<AgentRecord, "name" | "hello" | "held">): void {
    const concerned = this.#concerned.get(name);
    for (const run of new Set(held.map((item) => item.run))) {
      if (!concerned?.has(run)) this.resyncOne(run, { name, hello, held });
    }
  }

  resyncOne(run: string, agent: { name: string; hello: Hello; held: AgentRecord["held"] }): void {
    const { incarnation } = agent.hello;
    const held = agent.held.filter((item) => item.run === run);
    this.#refs.get(run)?.tell({ kind: "agentResynced", agent: agent.name, incarnation, held });
  }

  gone(agent: string, reason: string): void {
    for (const run of this.#concerned.get(agent) ?? []) this.goneFor(run, agent, reason);
    this.#concerned.delete(agent);
  }

  goneFor(run: string, agent: string, reason: string): void {
    this.#refs.get(run)?.tell({ kind: "agentGone", agent, reason });
  }

  /** Hands a report's items to the runs they belong to; gives back those of unknown runs. */
  deliver({ agent, items }: Report): ReportItem[] {
    return [...byRun(items)].flatMap(([run, itemsOfRun]) => {
      const ref = this.#refs.get(run);
      ref?.tell({ kind: "reported", agent, items: itemsOfRun });
      return ref === undefined ? itemsOfRun : [];
    });
  }

  /** Which images an agent has is told to all, whoever has asked: those that wait for one know it by its name. */
  onAnswer({ agent, answer }: AnswerReport): void {
    if (answer.kind !== "findImages") return;
    for (const { image, digest } of answer.images) {
      for (const ref of this.#refs.values()) ref.tell({ kind: "imageFound", agent, image, digest });
    }
  }

  #withoutConcerns(run: string): void {
    for (const [agent, runs] of this.#concerned) {
      if (runs.delete(run) && runs.size === 0) this.#concerned.delete(agent);
    }
  }
}

/** The runs whose jobs are started by these orders. */
export function runsStartedBy(orders: readonly Order[]): Set<string> {
  return new Set(orders.flatMap((order) => (order.kind === "start" ? [order.request.run] : [])));
}
