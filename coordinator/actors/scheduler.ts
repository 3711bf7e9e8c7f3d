/**
 * The scheduler actor: a thin shell around `core/scheduler.ts`. Whatever a burst of messages changes is planned for
 * once, after the burst.
 */
import type { ActorRef, Behaviour, Context } from "../../shared/actor/contract.ts";
import { misfit, type Requirement, requirementKey } from "../core/requirement.ts";
import type { Scheduler } from "../core/scheduler.ts";
import type { CoordinatorMessage, RunMessage, SchedulerMessage } from "./messages.ts";

export interface SchedulerOptions {
  /** Read by explanations, written by this actor only. */
  readonly scheduler: Scheduler;
  readonly coordinator: ActorRef<CoordinatorMessage>;
  /** How long a job nobody can run waits before it is said: agents may be on their way. */
  readonly strandedAfterMs: number;
}

interface UnmetRequest {
  readonly run: string;
  readonly job: number;
  readonly requirement: Requirement;
  readonly sinceMs: number;
}

export class SchedulerActor implements Behaviour<SchedulerMessage> {
  readonly #options: SchedulerOptions;
  readonly #runs = new Map<string, ActorRef<RunMessage>>();
  /** Requests that no agent could ever meet when they came, by `run/job`. */
  readonly #unmet = new Map<string, UnmetRequest>();
  #isPlanDue = false;
  #isStrandedCheckDue = false;

  constructor(options: SchedulerOptions) {
    this.#options = options;
  }

  started(): void {
    this.#options.coordinator.tell({ kind: "schedulerStarted" });
  }

  receive(message: SchedulerMessage, context: Context<SchedulerMessage>): void {
    const { scheduler } = this.#options;
    switch (message.kind) {
      case "runOpened":
        this.#runs.set(message.run, message.ref);
        scheduler.onRunOpened(message.run, message.order, message.priority);
        return;
      case "runPriority":
        scheduler.onRunPriority(message.run, message.priority);
        break;
      case "runClosed":
        this.#runs.delete(message.run);
        scheduler.onRunClosed(message.run);
        for (const [key, request] of this.#unmet) if (request.run === message.run) this.#unmet.delete(key);
        break;
      case "request":
        scheduler.onRequested(message.run, message.entry, message.requirement);
        this.#noteIfUnmet(message, context);
        break;
      case "withdraw":
        scheduler.onWithdrawn(message.run, message.job);
        this.#unmet.delete(`${message.run}/${message.job}`);
        return;
      case "release":
        scheduler.onReleased(message.run, message.job, message.ranMs);
        break;
      case "adopt":
        scheduler.onAdopted(message.run, message.job, message.agent, message.requirement);
        return;
      case "offer":
        scheduler.onAgent(message.offer);
        break;
      case "agentGone":
        scheduler.onAgentGone(message.agent);
        this.#scheduleStrandedCheck(context);
        break;
      case "plan":
        this.#isPlanDue = false;
        this.#plan();
        return;
      case "checkStranded":
        this.#isStrandedCheckDue = false;
        this.#reportStranded(context);
        return;
    }
    if (this.#isPlanDue) return;
    this.#isPlanDue = true;
    context.self.tell({ kind: "plan" });
  }

  #plan(): void {
    const { scheduler } = this.#options;
    for (const [run, grants] of groupByRun(scheduler.plan())) {
      for (const grant of grants) this.#unmet.delete(`${run}/${grant.job}`);
      this.#runs.get(run)?.tell({ kind: "granted", grants });
    }
    for (const [run, recalls] of groupByRun(scheduler.recalls())) {
      this.#runs.get(run)?.tell({ kind: "recalled", recalls });
    }
  }

  #noteIfUnmet(
    request: { run: string; entry: { job: number }; requirement: Requirement },
    context: Context<SchedulerMessage>,
  ): void {
    if (this.#isMeetable(request.requirement)) return;
    const { run, entry, requirement } = request;
    this.#unmet.set(`${run}/${entry.job}`, {
      run,
      job: entry.job,
      requirement,
      sinceMs: context.monotonicMs(),
    });
    this.#scheduleStrandedCheck(context);
  }

  #isMeetable(requirement: Requirement): boolean {
    return this.#options.scheduler.offers().some((offer) => misfit(requirement, offer) === undefined);
  }

  #scheduleStrandedCheck(context: Context<SchedulerMessage>): void {
    if (this.#isStrandedCheckDue) return;
    const [oldest] = this.#unmet.values();
    if (oldest === undefined) return;
    this.#isStrandedCheckDue = true;
    const ripeInMs = oldest.sinceMs + this.#options.strandedAfterMs - context.monotonicMs();
    context.after(Math.max(0, ripeInMs), { kind: "checkStranded" });
  }

  #reportStranded(context: Context<SchedulerMessage>): void {
    const ripeMs = context.monotonicMs() - this.#options.strandedAfterMs;
    const stranded = new Map<string, { run: string; jobs: number[]; requirement: Requirement }>();
    for (const [key, request] of this.#unmet) {
      if (this.#isMeetable(request.requirement)) {
        this.#unmet.delete(key);
      } else if (request.sinceMs <= ripeMs) {
        this.#unmet.delete(key);
        const group = `${request.run} ${requirementKey(request.requirement)}`;
        const known = stranded.get(group);
        if (known === undefined) {
          stranded.set(group, { run: request.run, jobs: [request.job], requirement: request.requirement });
        } else known.jobs.push(request.job);
      }
    }
    for (const { run, jobs, requirement } of stranded.values()) {
      this.#runs.get(run)?.tell({ kind: "stranded", jobs, reason: this.#whyStranded(requirement) });
    }
    this.#scheduleStrandedCheck(context);
  }

  #whyStranded(requirement: Requirement): string {
    const offers = this.#options.scheduler.offers().filter((offer) => offer.pool === requirement.pool);
    if (offers.length === 0) return "no agent can run it: none is registered";
    const reasons = new Set(offers.map((offer) => misfit(requirement, offer)?.message ?? ""));
    return `no agent can run it: ${[...reasons].slice(0, 5).join("; ")}`;
  }
}

function groupByRun<T extends { readonly run: string }>(items: readonly T[]): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(item.run);
    if (group === undefined) groups.set(item.run, [item]);
    else group.push(item);
  }
  return groups;
}
