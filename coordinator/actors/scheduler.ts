/**
 * The scheduler actor: a thin shell around `core/scheduler.ts`. Whatever a burst of messages changes is planned for
 * once, after the burst; a queued job that no agent could ever run is then told about, once.
 */
import type { ActorRef, Behaviour, Context } from "../../shared/actor/contract.ts";
import { byRun } from "../core/by-run.ts";
import { misfit, type Requirement } from "../core/requirement.ts";
import type { Scheduler, Stranded } from "../core/scheduler.ts";
import type { CoordinatorMessage, RunMessage, SchedulerMessage } from "./messages.ts";

export interface SchedulerOptions {
  /** Read by explanations, written by this actor only. */
  readonly scheduler: Scheduler;
  readonly coordinator: ActorRef<CoordinatorMessage>;
  /** For this long after the start agents may be on their way, so that nothing is called impossible yet. */
  readonly graceMs: number;
}

/** How long a job waits for an agent on which it has not failed, while one on which it has is free. */
const AVOIDANCE_MS = 30_000;
/** A run with very many such jobs is told of so many at a time, as it has to record each. */
const STRANDED_PART = 500;

interface KnownRun {
  readonly ref: ActorRef<RunMessage>;
  readonly isImpatient: boolean;
}

export class SchedulerActor implements Behaviour<SchedulerMessage> {
  readonly #options: SchedulerOptions;
  readonly #runs = new Map<string, KnownRun>();
  /** Jobs of which was told that nobody can run them, as `run/job`. */
  readonly #told = new Set<string>();
  /** Runs that wait for an offer. */
  readonly #awaiting = new Set<string>();
  #graceEndsMs = 0;
  /** Nothing is placed before: a run that is not loaded yet may have leases that fill the slots. */
  #isRecovered = false;
  #isPlanDue = false;
  #isCheckDue = false;

  constructor(options: SchedulerOptions) {
    this.#options = options;
  }

  started(context: Context<SchedulerMessage>): void {
    this.#graceEndsMs = context.monotonicMs() + this.#options.graceMs;
    this.#options.coordinator.tell({ kind: "schedulerStarted" });
  }

  receive(message: SchedulerMessage, context: Context<SchedulerMessage>): void {
    const { scheduler } = this.#options;
    switch (message.kind) {
      case "recovered":
        this.#isRecovered = true;
        break;
      case "paused":
        scheduler.pauseReason = message.reason;
        break;
      case "runOpened":
        this.#runs.set(message.run, { ref: message.ref, isImpatient: message.isImpatient });
        scheduler.onRunOpened(message.run, message.order, message.priority);
        return;
      case "runPriority":
        scheduler.onRunPriority(message.run, message.priority);
        break;
      case "awaitsOffer":
        this.#awaiting.add(message.run);
        return;
      case "runClosed":
        this.#awaiting.delete(message.run);
        this.#runs.delete(message.run);
        scheduler.onRunClosed(message.run);
        this.#forgetTold(message.run);
        break;
      case "request":
        scheduler.onRequested(message.run, message.entry, message.requirement);
        this.#limitAvoidance(message, context);
        break;
      case "ranked":
        scheduler.onRanked(message.run, message.ranks);
        return;
      case "avoidanceOver":
        scheduler.onAvoidanceOver(message.run, message.job, message.requirement);
        break;
      case "withdraw":
        scheduler.onWithdrawn(message.run, message.job);
        this.#told.delete(`${message.run}/${message.job}`);
        return;
      case "withdrawAll":
        scheduler.onAllWithdrawn(message.run);
        return this.#forgetTold(message.run);
      case "release":
        scheduler.onReleased(message.run, message.job, message.ranMs);
        break;
      case "adopt":
        scheduler.onAdopted(message.run, message.job, message.agent, message.requirement);
        return;
      case "offer":
        scheduler.onAgent(message.offer);
        this.#tellOffered();
        break;
      case "agentGone":
        scheduler.onAgentGone(message.agent);
        break;
      case "plan":
        this.#isPlanDue = false;
        this.#plan();
        return this.#tellStranded(context);
      case "checkStranded":
        this.#isCheckDue = false;
        return this.#tellStranded(context);
    }
    if (this.#isPlanDue || !this.#isRecovered) return;
    this.#isPlanDue = true;
    context.self.tell({ kind: "plan" });
  }

  #tellOffered(): void {
    for (const run of this.#awaiting) this.#runs.get(run)?.ref.tell({ kind: "offered" });
    this.#awaiting.clear();
  }

  /** An agent on which it has not failed may stay full for hours: then any will do. */
  #limitAvoidance(
    { run, entry, requirement }: Extract<SchedulerMessage, { kind: "request" }>,
    context: Context<SchedulerMessage>,
  ): void {
    if (requirement.avoids.length === 0) return;
    context.after(AVOIDANCE_MS, { kind: "avoidanceOver", run, job: entry.job, requirement });
  }

  #forgetTold(run: string): void {
    for (const key of this.#told) if (key.startsWith(`${run}/`)) this.#told.delete(key);
  }

  #plan(): void {
    const { scheduler } = this.#options;
    for (const [run, grants] of byRun(scheduler.plan())) {
      for (const grant of grants) this.#told.delete(`${run}/${grant.job}`);
      this.#runs.get(run)?.ref.tell({ kind: "granted", grants });
    }
    for (const [run, recalls] of byRun(scheduler.recalls())) {
      this.#runs.get(run)?.ref.tell({ kind: "recalled", recalls });
    }
  }

  #tellStranded(context: Context<SchedulerMessage>): void {
    for (const group of this.#options.scheduler.stranded()) {
      const known = this.#runs.get(group.run);
      const jobs = group.jobs.filter((job) => !this.#told.has(`${group.run}/${job}`));
      if (known === undefined || jobs.length === 0) continue;
      if (!this.#isCertain(group, known, context)) {
        this.#checkAfterGrace(context);
        continue;
      }
      for (const job of jobs) this.#told.add(`${group.run}/${job}`);
      const reason = this.#whyStranded(group.requirement);
      for (let from = 0; from < jobs.length; from += STRANDED_PART) {
        known.ref.tell({ kind: "stranded", jobs: jobs.slice(from, from + STRANDED_PART), reason });
      }
    }
  }

  /** Agents of a run that has brought its own are all alike: the first one tells. Elsewhere others may be on their way. */
  #isCertain({ requirement }: Stranded, run: KnownRun, context: Context<SchedulerMessage>): boolean {
    if (run.isImpatient && this.#offersOf(requirement).length > 0) return true;
    return context.monotonicMs() >= this.#graceEndsMs;
  }

  #checkAfterGrace(context: Context<SchedulerMessage>): void {
    if (this.#isCheckDue) return;
    this.#isCheckDue = true;
    context.after(Math.max(1, this.#graceEndsMs - context.monotonicMs()), { kind: "checkStranded" });
  }

  #offersOf(requirement: Requirement) {
    return this.#options.scheduler.offers().filter((offer) => offer.pool === requirement.pool);
  }

  #whyStranded(requirement: Requirement): string {
    const offers = this.#offersOf(requirement);
    if (offers.length === 0) return "no agent can run it: none is registered";
    const reasons = new Set(offers.map((offer) => misfit(requirement, offer)?.message ?? ""));
    return `no agent can run it: ${[...reasons].slice(0, 5).join("; ")}`;
  }
}
