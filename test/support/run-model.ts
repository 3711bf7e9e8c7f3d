import { isHeld, type RunState } from "../../coordinator/core/run-state.ts";
import type { JobPhase } from "../../shared/model/event.ts";
import { targetsOf } from "../../shared/model/graph.ts";
import type { JobSpec } from "../../shared/model/job-spec.ts";
import type { Outcome } from "../../shared/model/outcome.ts";

/** What was done to a job and has decided it so far; all else follows from its needs. */
interface JobModel {
  own: "succeeded" | "failed" | "cancelled" | null;
  live: { readonly agent: string; started: boolean } | null;
  failures: number;
  readonly lostOn: string[];
  isCancelRequested: boolean;
  priority: number;
  readyAt: number;
}

/**
 * What a run must be like, worked out anew from what was done to its jobs instead of step by step as the fold does it.
 * Chance is 0.5 throughout, so delays are known.
 */
export class RunModel {
  readonly #state: RunState;
  readonly #specs: readonly JobSpec[];
  readonly #jobs: JobModel[];
  #priority = 500;
  /** What was derived since the last change. */
  #phases: JobPhase[][] = [];
  cancel: "request" | "failFast" | null = null;

  /** @param state read for its graph and options, and for which of two causes came first */
  constructor(state: RunState, now: number) {
    this.#state = state;
    this.#specs = state.specs;
    this.#jobs = state.specs.map(({ priority }) => ({
      own: null,
      live: null,
      failures: 0,
      lostOn: [],
      isCancelRequested: false,
      priority,
      readyAt: now,
    }));
  }

  /** The phases that a job may be in: several where it depends on which of its needs ended first. */
  phases(index: number): readonly JobPhase[] {
    this.#phases[index] ??= this.#derive(index);
    return this.#phases[index];
  }

  #derive(index: number): JobPhase[] {
    const { own, live } = this.job(index);
    if (own !== null) return [own];
    if (live !== null) return [live.started ? "running" : "assigned"];
    const { when } = this.#spec(index);
    const needs = [...targetsOf(this.#state.graph.needs, index)];
    const final = needs.filter((need) => this.isFinal(need));
    const poor = final.filter((need) => !this.#isGood(need));
    if (when === "success" && poor.length > 0) {
      return poor.map((need) => (this.phase(need) === "skipped" ? "skipped" : "blocked"));
    }
    if (final.length < needs.length) return ["waiting"];
    const hasBad = poor.some((need) => this.phase(need) !== "skipped");
    return when === "onFailure" && !hasBad ? ["skipped"] : ["ready"];
  }

  phase(index: number): JobPhase {
    const phases = this.phases(index);
    const actual = this.#state.jobs[index]?.phase;
    const phase = phases.find((candidate) => candidate === actual) ?? phases[0];
    if (phase === undefined) throw new Error("a job without a phase");
    return phase;
  }

  isFinal(index: number): boolean {
    return !["waiting", "ready", "assigned", "running"].includes(this.phase(index));
  }

  isHeld(index: number): boolean {
    return this.#priority === 0 || this.job(index).priority === 0;
  }

  isOverdue(index: number, now: number): boolean {
    const limitMs = this.#spec(index).timeouts.queueMs;
    const isWaiting = ["ready", "assigned"].includes(this.phase(index));
    return (
      limitMs !== undefined && isWaiting && !this.isHeld(index) && now - this.job(index).readyAt >= limitMs
    );
  }

  /** Does something, and what follows from it. */
  change(now: number, act: () => void): void {
    const before = this.#jobs.map((_, index) => this.phase(index));
    act();
    this.#phases = [];
    const culprit = this.#jobs.some(({ own }, index) => own === "failed" && !this.#spec(index).allowFailure);
    if (culprit && !this.#state.options.keepGoing) this.onCancelRun("failFast");
    this.#phases = [];
    this.#jobs.forEach((job, index) => {
      if (before[index] === "waiting" && this.phase(index) === "ready") job.readyAt = now;
    });
  }

  onGranted(index: number, agent: string): void {
    this.job(index).live = { agent, started: false };
  }

  onStarted(index: number): void {
    const { live } = this.job(index);
    if (live !== null) live.started = true;
  }

  onReturned(index: number, now: number): void {
    const job = this.job(index);
    const hasStarted = job.live?.started === true;
    job.live = null;
    if (this.#isCancelled(index)) job.own = "cancelled";
    else if (hasStarted) job.readyAt = now;
  }

  onFinished(index: number, outcome: Outcome, now: number): void {
    const job = this.job(index);
    const { rerunAfterLoss, retries } = this.#spec(index);
    if (outcome.kind === "cancelled" && !this.#isCancelled(index)) return this.onReturned(index, now);
    const agent = job.live?.agent ?? "";
    job.live = null;
    if (outcome.kind === "lost") job.lostOn.push(agent);
    else if (outcome.kind !== "succeeded" && outcome.kind !== "cancelled") job.failures += 1;
    if (outcome.kind === "succeeded") job.own = "succeeded";
    else if (this.#isCancelled(index)) job.own = "cancelled";
    else if (outcome.kind === "lost") {
      const losses = job.lostOn.length;
      if (!rerunAfterLoss || losses === 5) job.own = "failed";
      else job.readyAt = now + (losses === 1 ? 0 : 1000 * 2 ** (losses - 2));
    } else if (job.failures > retries.max || !retries.on.some((cause) => isOf(cause, outcome))) {
      job.own = "failed";
    } else job.readyAt = now + retries.backoffMs * 2 ** (job.failures - 1);
  }

  onFailedUnassigned(index: number): void {
    this.job(index).own = "failed";
  }

  onCancelJob(index: number): void {
    const job = this.job(index);
    if (this.isFinal(index)) return;
    if (job.live === null) job.own = "cancelled";
    else job.isCancelRequested = true;
  }

  onCancelRun(cause: "request" | "failFast"): void {
    if (this.cancel !== null) return;
    const untouched = this.#jobs.filter((_, index) => ["waiting", "ready"].includes(this.phase(index)));
    for (const job of untouched) job.own = "cancelled";
    this.cancel = cause;
  }

  onPrioritised(index: number | null, priority: number, now: number): void {
    const held = this.#jobs.map((_, job) => this.isHeld(job));
    if (index === null) this.#priority = priority;
    else this.job(index).priority = priority;
    this.#jobs.forEach((job, other) => {
      const isReleased = held[other] === true && !this.isHeld(other) && this.phase(other) === "ready";
      if (isReleased) job.readyAt = Math.max(job.readyAt, now);
    });
  }

  onClockMoved(byMs: number): void {
    for (const job of this.#jobs) job.readyAt += byMs;
  }

  /** What the run ends as; undefined while it lives. */
  status(): string | undefined {
    const phases = this.#jobs.map((_, index) => this.phase(index));
    if (!phases.every((_, index) => this.isFinal(index))) return undefined;
    if (this.cancel === "request") return "cancelled";
    return phases.every((phase, index) => phase === "skipped" || this.#isGood(index))
      ? "succeeded"
      : "failed";
  }

  /** Throws where the state is not as it must be. */
  check(): void {
    this.#phases = [];
    this.#jobs.forEach((job, index) => {
      const actual = this.#state.jobs[index];
      const { name } = this.#spec(index);
      const expected = this.phases(index);
      if (actual === undefined || !expected.includes(actual.phase)) {
        throw new Error(`${name} is ${actual?.phase}, not ${expected.join(" or ")}`);
      }
      const isWaiting = actual.phase === "ready" || actual.phase === "assigned";
      if (isWaiting && actual.readyAt !== job.readyAt)
        throw new Error(`${name} is ready at ${actual.readyAt}, not ${job.readyAt}`);
      if (isHeld(this.#state, index) !== this.isHeld(index)) throw new Error(`${name} is held, or is not`);
    });
    const { endedAt, status } = this.#state;
    const expected = this.status();
    if ((endedAt === null) !== (expected === undefined)) throw new Error(`the run should be ${expected}`);
    if (expected !== undefined && status !== expected) throw new Error(`it is ${status}, not ${expected}`);
  }

  job(index: number): JobModel {
    const job = this.#jobs[index];
    if (job === undefined) throw new RangeError(`no job ${index}`);
    return job;
  }

  #isCancelled(index: number): boolean {
    return this.cancel !== null || this.job(index).isCancelRequested;
  }

  #isGood(index: number): boolean {
    const phase = this.phase(index);
    return phase === "succeeded" || (phase === "failed" && this.#spec(index).allowFailure);
  }

  #spec(index: number): JobSpec {
    const spec = this.#specs[index];
    if (spec === undefined) throw new RangeError(`no job ${index}`);
    return spec;
  }
}

function isOf(cause: string, outcome: Outcome): boolean {
  return outcome.kind === "failed" ? cause === "failure" : cause === outcome.kind;
}
