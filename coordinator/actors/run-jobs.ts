/**
 * The job actors of one run: made when first touched, told what concerns them, dropped when final. Also the repair of
 * dependency results that were lost on the way: core NATS delivers at most once.
 *
 * Safe: 1. a result counts only if the run's own state says the same. Live: 2. a ready job that has not asked for a
 * slot is made to ask by `recheck`; 3. after `repair` every job knows the results that were final by then.
 */
import type { ActorRef, Context } from "../../shared/actor/contract.ts";
import type { DependencyResult } from "../../shared/model/event.ts";
import { targetsOf } from "../../shared/model/graph.ts";
import type { Change } from "../core/change.ts";
import { requirementOf } from "../core/requirement.ts";
import { agentsFailedOn, restMs } from "../core/retry.ts";
import { isUndecided } from "../core/reuse-decide.ts";
import {
  type Attempt,
  isAllowedFailure,
  isFinal,
  isHeld,
  jobAt,
  priorityOf,
  type RunState,
  specAt,
} from "../core/run-state.ts";
import { JobActor, type JobSurroundings } from "./job.ts";
import type { JobMessage, RunMessage } from "./messages.ts";
import type { RunForecast } from "./run-forecast.ts";
import type { RunReuse } from "./run-reuse.ts";
import type { RunSurroundings } from "./run-surroundings.ts";

const JOB_MAILBOX = 1000;
const usualOptions = { mailbox: { capacity: JOB_MAILBOX } };

export class RunJobs {
  readonly #state: RunState;
  readonly #surroundings: RunSurroundings;
  readonly #forecast: Pick<RunForecast, "rankOf">;
  readonly #reuse: Pick<RunReuse, "looksFor">;
  readonly #context: Context<RunMessage>;
  readonly #ofJobs: JobSurroundings;
  readonly #actors = new Map<number, ActorRef<JobMessage>>();
  /** 1 for a ready job that has asked for a slot since it became ready. */
  readonly #hasAsked: Uint8Array;
  /** 1 for a final job whose result may have been lost: actors made later are told of it. */
  readonly #isRepaired: Uint8Array;
  /** Jobs with a limit on their wait for a slot. */
  readonly withQueueTimeout: readonly number[];

  constructor(
    state: RunState,
    surroundings: RunSurroundings,
    parts: { readonly forecast: Pick<RunForecast, "rankOf">; readonly reuse: Pick<RunReuse, "looksFor"> },
    context: Context<RunMessage>,
  ) {
    this.#state = state;
    this.#surroundings = surroundings;
    this.#forecast = parts.forecast;
    this.#reuse = parts.reuse;
    this.#context = context;
    this.#ofJobs = {
      graph: state.graph,
      askSlot: (index) => this.#askSlot(index),
      publish: (result) => this.#publish(result),
    };
    this.#hasAsked = new Uint8Array(state.jobs.length);
    this.#isRepaired = new Uint8Array(state.jobs.length);
    this.withQueueTimeout = [...state.specs.keys()].filter(
      (index) => specAt(state, index).timeouts.queueMs !== undefined,
    );
  }

  /** A need's result has come over its subject: every dependant that is not final hears of it. */
  onDependency(result: DependencyResult): void {
    const { index } = result;
    const spec = this.#state.specs[index];
    if (spec?.name !== result.job || !isFinal(jobAt(this.#state, index).phase)) {
      this.#surroundings.counters.count("refused.dependency");
      return;
    }
    for (const dependant of targetsOf(this.#state.graph.dependants, index)) {
      if (!isFinal(jobAt(this.#state, dependant).phase)) {
        this.#actor(dependant).tell({ kind: "needResult", need: index });
      }
    }
  }

  /** Keeps the scheduler in step with the fold: places of ended leases are free, withdrawn jobs leave the queue. */
  onFolded(changes: readonly Change[]): void {
    const { scheduler } = this.#surroundings;
    const { run } = this.#state;
    // All that had not started is cancelled with it.
    const isWhole = changes[0]?.kind === "cancelling";
    if (isWhole) scheduler.tell({ kind: "withdrawAll", run });
    for (const change of changes) {
      switch (change.kind) {
        case "returned":
        case "retrying":
          this.#hasAsked[change.job] = 0;
          this.#release(change.job, change.attempt);
          break;
        case "succeeded":
          this.#release(change.job, change.attempt);
          break;
        case "failed":
        case "cancelled":
          if (change.attempt !== null) this.#release(change.job, change.attempt);
          else if (!isWhole && this.#hasAsked[change.job] === 1)
            scheduler.tell({ kind: "withdraw", run, job: change.job });
          break;
      }
    }
  }

  /** It was final before any job was there to hear of it: those that need it learn of it when they are made. */
  onCarried(index: number): void {
    this.#isRepaired[index] = 1;
  }

  /** The journal says it is ready. One without needs asks at once; another one waits for the results themselves. */
  onReady(index: number): void {
    const needs = targetsOf(this.#state.graph.needs, index);
    if (needs.length === 0) this.#actor(index).tell(askNow);
    // Nobody else will tell it: making it does.
    else if (needs.every((need) => this.#isRepaired[need] === 1)) this.#actor(index);
  }

  /** It was given back. */
  onReturned(index: number): void {
    this.askAgain(index, restMs(jobAt(this.#state, index).attempts, this.#context.now()));
  }

  askAgain(index: number, delayMs: number): void {
    if (jobAt(this.#state, index).phase === "ready") this.#actor(index).tell({ kind: "askSlot", delayMs });
  }

  /** The scheduler's grant came too late or while the job was held: its place is free again. */
  onGrantRefused(index: number): void {
    this.#release(index, null);
    this.#hasAsked[index] = 0;
  }

  /** It was looked for: it asks for a slot unless that has decided it, or it waits for an equal one. */
  onLooked(index: number): void {
    const { phase, reuse } = jobAt(this.#state, index);
    if (phase !== "ready" || reuse?.kind === "joined") return;
    this.#hasAsked[index] = 0;
    this.askAgain(index, 0);
  }

  onPrioritised(index: number): void {
    if (jobAt(this.#state, index).phase !== "ready") return;
    this.#surroundings.scheduler.tell({ kind: "withdraw", run: this.#state.run, job: index });
    this.#hasAsked[index] = 0;
    this.askAgain(index, 0);
  }

  onFinal(index: number): void {
    if (this.#isAwaited(index)) {
      this.#actor(index).tell({ kind: "settled", result: dependencyResult(this.#state, index) });
    } else this.#actors.get(index)?.tell({ kind: "settled", result: null });
    this.#actors.delete(index);
  }

  /** The end of a job that never ran is no news to jobs that ended with it, of which there may be very many. */
  #isAwaited(index: number): boolean {
    const { phase } = jobAt(this.#state, index);
    if (phase === "succeeded" || phase === "failed") return true;
    const dependants = targetsOf(this.#state.graph.dependants, index);
    return dependants.some((dependant) => !isFinal(jobAt(this.#state, dependant).phase));
  }

  /** Results published until now may have been lost (restart, reconnect): jobs learn of them from the state. */
  repair(): void {
    this.#state.jobs.forEach((job, index) => {
      if (isFinal(job.phase)) this.#isRepaired[index] = 1;
    });
    for (const [index, actor] of this.#actors) this.#tellRepaired(index, actor);
  }

  /** Ready since before `readyBefore` and not asking, though nothing holds it: it is made to ask. */
  recheck(readyBefore: number): void {
    if (this.#state.counts.ready === 0) return;
    const now = this.#context.now();
    this.#state.jobs.forEach((job, index) => {
      if (job.phase !== "ready" || this.#hasAsked[index] === 1 || isHeld(this.#state, index)) return;
      const readyAt = job.readyAt ?? 0;
      if (readyAt > now || readyAt > readyBefore || restMs(job.attempts, now) > 0) return;
      this.#surroundings.counters.count("dependencies.repaired");
      this.#actor(index).tell(askNow);
    });
  }

  /** Jobs that have to be looked for, as they were held, or as nobody knows any more that they were: they ask anew. */
  forgetLooking(): void {
    const { run } = this.#state;
    this.#state.jobs.forEach(({ phase }, index) => {
      if (phase !== "ready" || this.#hasAsked[index] === 0 || !isUndecided(this.#state, index)) return;
      this.#surroundings.scheduler.tell({ kind: "withdraw", run, job: index });
      this.#hasAsked[index] = 0;
    });
  }

  /** The scheduler has started again and knows of no request. */
  forgetRequests(): void {
    this.#hasAsked.fill(0);
  }

  #release(index: number, attempt: Attempt | null): void {
    const ranMs = attempt?.result?.wallMs ?? null;
    this.#surroundings.scheduler.tell({ kind: "release", run: this.#state.run, job: index, ranMs });
  }

  #actor(index: number): ActorRef<JobMessage> {
    const known = this.#actors.get(index);
    if (known !== undefined) return known;
    const needs = targetsOf(this.#state.graph.needs, index).length;
    const actor = this.#context.spawn(
      `job-${index}`,
      () => new JobActor(index, this.#ofJobs),
      needs <= JOB_MAILBOX ? usualOptions : { mailbox: { capacity: needs } },
    );
    this.#actors.set(index, actor);
    this.#tellRepaired(index, actor);
    return actor;
  }

  #tellRepaired(index: number, actor: ActorRef<JobMessage>): void {
    for (const need of targetsOf(this.#state.graph.needs, index)) {
      if (this.#isRepaired[need] === 1) actor.tell({ kind: "needResult", need });
    }
  }

  #askSlot(index: number): void {
    const state = this.#state;
    if (jobAt(state, index).phase !== "ready" || this.#hasAsked[index] === 1) return;
    if (isHeld(state, index) || state.endedAt !== null) return;
    this.#hasAsked[index] = 1;
    if (this.#reuse.looksFor(index)) return;
    this.#surroundings.scheduler.tell({
      kind: "request",
      run: state.run,
      entry: { job: index, priority: priorityOf(state, index), rank: this.#forecast.rankOf(index) },
      requirement: requirementOf(
        specAt(state, index),
        state.options.pool,
        agentsFailedOn(jobAt(state, index).attempts),
      ),
    });
  }

  #publish(result: DependencyResult): void {
    const subject = this.#surroundings.subjects.dependency(this.#state.run, result.job);
    this.#context.publish(subject, Buffer.from(JSON.stringify(result)));
  }
}

const askNow: JobMessage = { kind: "askSlot", delayMs: 0 };

function dependencyResult(state: RunState, index: number): DependencyResult {
  const job = jobAt(state, index);
  return {
    v: 1,
    run: state.run,
    job: specAt(state, index).name,
    index,
    status: job.phase as DependencyResult["status"],
    allowed: isAllowedFailure(state, index),
    artifact: job.artifact,
    rootCause: job.rootCause === null ? null : specAt(state, job.rootCause).name,
  };
}
