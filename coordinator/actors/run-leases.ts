/**
 * The leases of a run, between the scheduler that grants slots and the agents that hold them: given, reported on,
 * compared with what agents hold, recalled and lost.
 *
 * Safe: 1. an order to an agent waits for the record of its lease, and for all that is staged before it; 2. a report is
 * settled once what it led to is stored. Live: 3. scheduler and fleet know each lease in force, also after a takeover.
 */
import type { Context } from "../../shared/actor/contract.ts";
import type { Order } from "../../shared/model/messages.ts";
import { reconcileLeases } from "../core/lease-reconciliation.ts";
import type { RunRecord } from "../core/record.ts";
import { requirementOf } from "../core/requirement.ts";
import * as decide from "../core/run-decide.ts";
import { liveAttempt, type RunState, specAt } from "../core/run-state.ts";
import type { RunMessage } from "./messages.ts";
import type { RunJobs } from "./run-jobs.ts";
import { announceRun, type RunSurroundings } from "./run-surroundings.ts";
import type { RunWriter } from "./run-writer.ts";

type MessageOf<K extends RunMessage["kind"]> = Extract<RunMessage, { kind: K }>;

export class RunLeases {
  readonly #state: RunState;
  readonly #surroundings: RunSurroundings;
  readonly #writer: RunWriter;
  readonly #jobs: RunJobs;
  readonly #context: Context<RunMessage>;

  constructor(
    state: RunState,
    surroundings: RunSurroundings,
    parts: { readonly writer: RunWriter; readonly jobs: RunJobs },
    context: Context<RunMessage>,
  ) {
    this.#state = state;
    this.#surroundings = surroundings;
    this.#writer = parts.writer;
    this.#jobs = parts.jobs;
    this.#context = context;
  }

  onGranted({ grants }: MessageOf<"granted">): void {
    const now = this.#context.now();
    const records = grants.flatMap(({ job, agent, incarnation }): RunRecord[] => {
      const lease = this.#context.id();
      const taken = decide.onGranted(this.#state, { job, agent, incarnation, lease }, now);
      if (taken.length === 0) this.#jobs.onGrantRefused(job);
      return taken;
    });
    this.#writer.record(records);
  }

  onReported({ agent, items }: MessageOf<"reported">): void {
    const state = this.#state;
    const context = this.#context;
    const settled: Order[] = [];
    for (const item of items) {
      const decision = decide.onReported(state, agent, item, context.now(), context.fraction());
      if (decision.refusal !== undefined) {
        context.deadLetter(decision.refusal, this.#surroundings.subjects.fromAgent(agent, "report"), item);
      }
      // At once: a later item of the same report may depend on it.
      this.#writer.stage(decision.records);
      const { run, job, attempt, lease } = item;
      if (decision.settles) settled.push({ kind: "settle", run, job, attempt, lease });
    }
    if (settled.length > 0) this.#writer.stageConsequence({ kind: "orders", agent, orders: settled });
    this.#writer.record(decide.onSettled(state, context.now()));
  }

  onAgentResynced({ agent: name, incarnation, held }: MessageOf<"agentResynced">): void {
    const agent = { name, incarnation, held };
    const context = this.#context;
    const { records, orders } = reconcileLeases(this.#state, agent, context.now(), context.fraction());
    // After what is staged: a start order must not overtake the record of its lease.
    if (orders.length > 0) {
      this.#writer.stageConsequence({ kind: "orders", agent: name, incarnation, orders });
    }
    this.#writer.record(records);
  }

  onAgentGone({ agent, reason }: MessageOf<"agentGone">): void {
    const context = this.#context;
    const records = this.#state.jobs.flatMap((job, index) =>
      liveAttempt(job)?.agent === agent
        ? decide.onAttemptLost(this.#state, index, reason, context.now(), context.fraction())
        : [],
    );
    this.#writer.record(records);
  }

  recall(recalls: readonly { readonly job: number; readonly agent: string }[]): void {
    for (const { agent, order } of decide.onRecalled(this.#state, recalls)) {
      this.#writer.stageConsequence({ kind: "orders", agent, orders: [order] });
    }
    this.#writer.send();
  }

  /** Tells scheduler and fleet of the leases in force; both take them only once. */
  adopt(): void {
    const state = this.#state;
    const { scheduler, fleet } = this.#surroundings;
    announceRun(this.#surroundings, state, this.#context.self);
    state.jobs.forEach((job, index) => {
      const attempt = liveAttempt(job);
      if (attempt === undefined) return;
      const requirement = requirementOf(specAt(state, index), state.options.pool);
      scheduler.tell({ kind: "adopt", run: state.run, job: index, agent: attempt.agent, requirement });
      fleet.tell({ kind: "leaseAdopted", run: state.run, agent: attempt.agent });
    });
  }
}
