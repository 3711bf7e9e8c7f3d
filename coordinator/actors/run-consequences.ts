/**
 * What a stored record entails outside the run's state, carried out in order; replies at once. Many changes (a cancelled
 * run of a hundred thousand jobs) are carried out in slices, so that the event loop is not held.
 */
import type { ActorRef, Context } from "../../shared/actor/contract.ts";
import { keysOf } from "../../shared/model/job-keys.ts";
import type { JobRequest, Order } from "../../shared/model/messages.ts";
import type { Change } from "../core/change.ts";
import { projectPart, type RecordedChanges, recordedChanges } from "../core/event-projection.ts";
import { attemptRef, jobRequest } from "../core/job-request.ts";
import {
  type Attempt,
  HELD_REASON,
  isHeld,
  jobAt,
  liveAttempt,
  type RunState,
  specAt,
} from "../core/run-state.ts";
import { viewRun } from "../core/run-view.ts";
import type { Reply, RunMessage } from "./messages.ts";
import type { RunEvents } from "./run-events.ts";
import type { RunJobs } from "./run-jobs.ts";
import type { RunPatience } from "./run-patience.ts";
import type { RunReuse } from "./run-reuse.ts";
import type { RunSurroundings } from "./run-surroundings.ts";

export type Consequence =
  /** Their events are told, then what each entails. */
  | ({ readonly kind: "changes" } & RecordedChanges)
  /** With an incarnation they are for that one of the agent, and for no other. */
  | {
      readonly kind: "orders";
      readonly agent: string;
      readonly incarnation?: string;
      readonly orders: readonly Order[];
    }
  | { readonly kind: "reply"; readonly replyTo: ActorRef<Reply>; readonly reply: Reply };

type Waiting = Exclude<Consequence, { kind: "reply" }>;

/** What has to happen once a record is stored. */
export function consequencesOf(state: RunState, changes: readonly Change[], at: number): Consequence[] {
  if (changes.length === 0) return [];
  return [{ kind: "changes", ...recordedChanges(state, changes, at) }];
}

/** Changes that are carried out in one go. */
const SLICE = 500;

export class Consequences {
  readonly #state: RunState;
  readonly #surroundings: RunSurroundings;
  readonly #jobs: RunJobs;
  readonly #events: RunEvents;
  readonly #patience: RunPatience;
  readonly #reuse: RunReuse;
  readonly #context: Context<RunMessage>;
  #waiting: Waiting[] = [];
  #position = 0;
  /** Of the consequence at the position: changes that are carried out. */
  #changesDone = 0;
  #isCarryOnDue = false;
  /** The record of the run's end is stored, not only folded. */
  #hasEnded: boolean;
  #hasToldEnd = false;

  constructor(
    state: RunState,
    surroundings: RunSurroundings,
    parts: { jobs: RunJobs; events: RunEvents; patience: RunPatience; reuse: RunReuse },
    context: Context<RunMessage>,
  ) {
    this.#state = state;
    this.#surroundings = surroundings;
    this.#jobs = parts.jobs;
    this.#events = parts.events;
    this.#patience = parts.patience;
    this.#reuse = parts.reuse;
    this.#context = context;
    this.#hasEnded = state.endedAt !== null;
  }

  get isIdle(): boolean {
    return this.#position === this.#waiting.length;
  }

  carryOut(consequences: readonly Consequence[]): void {
    for (const consequence of consequences) {
      // All that it shows is stored: it need not wait for what that entails.
      if (consequence.kind === "reply") consequence.replyTo.tell(consequence.reply);
      else this.#waiting.push(consequence);
    }
    if (!this.#isCarryOnDue) this.#carryOutSlice();
  }

  carryOn(): void {
    this.#isCarryOnDue = false;
    this.#carryOutSlice();
  }

  /** Once the end and all events are stored, nothing is left to do for the run. */
  tellEnd(): void {
    if (!this.#hasEnded || this.#hasToldEnd || !this.#events.isIdle || !this.isIdle) return;
    this.#hasToldEnd = true;
    this.#surroundings.coordinator.tell({ kind: "runEnded", view: viewRun(this.#state) });
  }

  #carryOutSlice(): void {
    for (let left = SLICE; left > 0; ) {
      const consequence = this.#waiting[this.#position];
      if (consequence === undefined) break;
      left -= this.#carryOutSome(consequence, left);
    }
    // Together: the events of one append are one message.
    this.#events.store();
    if (this.#position < this.#waiting.length) {
      this.#isCarryOnDue = true;
      this.#context.self.tell({ kind: "carryOn" });
    } else {
      this.#waiting = [];
      this.#position = 0;
      this.tellEnd();
    }
  }

  /** Carries out one consequence, of changes at most so many. Returns how much it was. */
  #carryOutSome(consequence: Waiting, limit: number): number {
    if (consequence.kind === "orders") {
      this.#position += 1;
      this.#order(consequence);
      return 1;
    }
    const { changes } = consequence;
    const from = this.#changesDone;
    const to = Math.min(from + limit, changes.length);
    this.#changesDone = to === changes.length ? 0 : to;
    if (to === changes.length) this.#position += 1;
    this.#events.add(projectPart(this.#state, consequence, from, to), { isLive: true });
    for (const change of changes.slice(from, to)) this.#onChange(change);
    return to - from;
  }

  #onChange(change: Change): void {
    switch (change.kind) {
      case "submitted": {
        const { run, jobs } = this.#state;
        return this.#surroundings.coordinator.tell({ kind: "runReady", run, jobs: jobs.length });
      }
      case "assigned": {
        // It may have been ended between its record and now: then there is nothing to start.
        if (liveAttempt(jobAt(this.#state, change.job)) !== change.attempt) return;
        const request = jobRequest(this.#state, change.job, change.attempt);
        const { agent, incarnation } = change.attempt;
        return this.#order({ agent, incarnation, orders: [{ kind: "start", request }] });
      }
      case "carried":
        return this.#jobs.onCarried(change.job);
      case "ready":
        return this.#jobs.onReady(change.job);
      case "returned":
        return this.#jobs.onReturned(change.job);
      case "retrying":
        return this.#jobs.askAgain(change.job, change.delayMs);
      case "succeeded":
        this.#learn(change.job, change.attempt);
        this.#reuse.onSucceeded(change.job, change.attempt);
        return this.#jobs.onFinal(change.job);
      case "failed":
        this.#reuse.release(change.job);
        return this.#jobs.onFinal(change.job);
      case "reused":
      case "blocked":
      case "skipped":
        return this.#jobs.onFinal(change.job);
      case "cancelled":
        if (change.attempt?.result === null && change.attempt.returned === null) {
          this.#cancelAttempt(change.job, change.attempt, change.reason);
        }
        this.#reuse.release(change.job);
        return this.#jobs.onFinal(change.job);
      case "jobCancelling":
        return this.#cancelAttempt(change.job, change.attempt, change.reason);
      case "cancelling":
        return this.#cancelLive(change.reason, () => true);
      case "prioritised":
        this.#surroundings.scheduler.tell({
          kind: "runPriority",
          run: this.#state.run,
          priority: change.priority,
        });
        this.#endHeld(change.priority, () => true);
        return this.#jobs.recheck(Number.POSITIVE_INFINITY);
      case "jobPrioritised":
        this.#jobs.onPrioritised(change.job);
        return this.#endHeld(change.priority, (job) => job === change.job);
      case "ended":
        this.#hasEnded = true;
        return;
      case "stranded":
        return this.#reuse.release(change.job);
      case "joined":
      case "started":
      case "progressed":
        return;
    }
  }

  #learn(job: number, { result }: Attempt): void {
    const wallMs = result?.wallMs ?? null;
    if (wallMs !== null) this.#surroundings.estimates.onSucceeded(keysOf(specAt(this.#state, job)), wallMs);
  }

  /** The state may be ahead, and hold jobs by a record that is not stored: only what this one holds is ended. */
  #endHeld(priority: number, isMeant: (job: number) => boolean): void {
    if (priority !== 0) return;
    this.#cancelLive(HELD_REASON, (job) => isMeant(job) && isHeld(this.#state, job));
    this.#reuse.releaseHeld();
    this.#jobs.forgetLooking();
  }

  #cancelLive(reason: string, isMeant: (job: number) => boolean): void {
    this.#state.jobs.forEach((job, index) => {
      const attempt = liveAttempt(job);
      if (attempt !== undefined && isMeant(index)) this.#cancelAttempt(index, attempt, reason);
    });
  }

  #cancelAttempt(job: number, attempt: Attempt, reason: string): void {
    const cancel: Order = { kind: "cancel", ...attemptRef(this.#state, job, attempt), reason };
    this.#order({ agent: attempt.agent, orders: [cancel] });
  }

  onInputsStored(agent: string, request: JobRequest): void {
    // It may have been ended meanwhile: its agent has answered for it, and would start it after all.
    const attempt = liveAttempt(jobAt(this.#state, request.job));
    if (attempt?.lease !== request.lease) return;
    const { incarnation } = attempt;
    const orders: Order[] = [{ kind: "start", request }];
    this.#surroundings.fleet.tell({ kind: "orders", agent, incarnation, orders });
  }

  /** A list of inputs that would not fit into a message travels as an object; the job waits until it is stored. */
  #storeInputs(agent: string, request: JobRequest): void {
    const name = `the storing of a list of inputs for ${request.spec.name}, attempt ${request.attempt}`;
    const store = (): Promise<string> => this.#surroundings.documents.store(request.inputs);
    const done = (inputList: string): RunMessage => {
      return { kind: "inputsStored", agent, request: { ...request, inputs: [], inputList } };
    };
    this.#patience.ask({ name, request: store }, done, this.#context);
  }

  #order({ orders, ...to }: Omit<Extract<Consequence, { kind: "orders" }>, "kind">): void {
    const { agent } = to;
    const small = orders.filter((order) => !hasManyInputs(order));
    if (small.length > 0) this.#surroundings.fleet.tell({ ...to, kind: "orders", orders: small });
    for (const order of orders) {
      if (order.kind === "start" && hasManyInputs(order)) this.#storeInputs(agent, order.request);
    }
  }
}

/** About 256 KiB of names and digests. */
const MANY_INPUTS = 1000;

function hasManyInputs(order: Order): boolean {
  return order.kind === "start" && order.request.inputs.length > MANY_INPUTS;
}
