/**
 * What a stored record entails outside the run's state, carried out in order. A large group (a cancelled run of a
 * hundred thousand jobs) is carried out in slices, so that the event loop is not held.
 */
import type { ActorRef, Context } from "../../shared/actor/contract.ts";
import { reasonOf } from "../../shared/model/error.ts";
import type { RunEvent } from "../../shared/model/event.ts";
import type { JobRequest, Order } from "../../shared/model/messages.ts";
import { projectEvents } from "../core/event-projection.ts";
import { attemptRef, jobRequest } from "../core/job-request.ts";
import type { Change } from "../core/run-fold.ts";
import { type Attempt, HELD_REASON, isHeld, jobAt, liveAttempt, type RunState } from "../core/run-state.ts";
import { viewRun } from "../core/run-view.ts";
import type { Reply, RunMessage } from "./messages.ts";
import type { RunEvents } from "./run-events.ts";
import type { RunJobs } from "./run-jobs.ts";
import type { RunSurroundings } from "./run-surroundings.ts";

export type Consequence =
  | { readonly kind: "events"; readonly events: readonly RunEvent[] }
  | { readonly kind: "change"; readonly change: Change }
  /** With an incarnation they are for that one of the agent, and for no other. */
  | {
      readonly kind: "orders";
      readonly agent: string;
      readonly incarnation?: string;
      readonly orders: readonly Order[];
    }
  | { readonly kind: "reply"; readonly replyTo: ActorRef<Reply>; readonly reply: Reply };

/** What has to happen once a record is stored. */
export function consequencesOf(state: RunState, changes: readonly Change[], at: number): Consequence[] {
  if (changes.length === 0) return [];
  const events = projectEvents(state, changes, at);
  return [{ kind: "events", events }, ...changes.map((change) => ({ kind: "change" as const, change }))];
}

const SLICE = 500;

export class Consequences {
  readonly #state: RunState;
  readonly #surroundings: RunSurroundings;
  readonly #jobs: RunJobs;
  readonly #events: RunEvents;
  readonly #context: Context<RunMessage>;
  #waiting: Consequence[] = [];
  #position = 0;
  #isCarryOnDue = false;
  /** The record of the run's end is stored, not only folded. */
  #hasEnded: boolean;
  #hasToldEnd = false;

  constructor(
    state: RunState,
    surroundings: RunSurroundings,
    parts: { jobs: RunJobs; events: RunEvents },
    context: Context<RunMessage>,
  ) {
    this.#state = state;
    this.#surroundings = surroundings;
    this.#jobs = parts.jobs;
    this.#events = parts.events;
    this.#context = context;
    this.#hasEnded = state.endedAt !== null;
  }

  get isIdle(): boolean {
    return this.#position === this.#waiting.length;
  }

  carryOut(consequences: readonly Consequence[]): void {
    for (const consequence of consequences) this.#waiting.push(consequence);
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
    const end = Math.min(this.#position + SLICE, this.#waiting.length);
    while (this.#position < end) {
      const consequence = this.#waiting[this.#position];
      this.#position += 1;
      if (consequence !== undefined) this.#carryOutOne(consequence);
    }
    if (this.#position < this.#waiting.length) {
      this.#isCarryOnDue = true;
      this.#context.self.tell({ kind: "carryOn" });
    } else {
      this.#waiting = [];
      this.#position = 0;
      this.tellEnd();
    }
  }

  #carryOutOne(consequence: Consequence): void {
    switch (consequence.kind) {
      case "events":
        return this.#events.add(consequence.events, { isLive: true });
      case "orders":
        return this.#order(consequence);
      case "reply":
        return consequence.replyTo.tell(consequence.reply);
      case "change":
        return this.#onChange(consequence.change);
    }
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
      case "failed":
      case "blocked":
      case "skipped":
        return this.#jobs.onFinal(change.job);
      case "cancelled":
        if (change.attempt?.result === null && change.attempt.returned === null) {
          this.#cancelAttempt(change.job, change.attempt, change.reason);
        }
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
      case "started":
      case "stranded":
        return;
    }
  }

  /** The state may be ahead, and hold jobs by a record that is not stored: only what this one holds is ended. */
  #endHeld(priority: number, isMeant: (job: number) => boolean): void {
    if (priority === 0) this.#cancelLive(HELD_REASON, (job) => isMeant(job) && isHeld(this.#state, job));
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

  /** The store is full, or refuses for another reason that may pass: the job waits. */
  onInputsNotStored(agent: string, request: JobRequest, reason: string): void {
    this.#context.log.warn({ job: request.job, reason }, "a list of inputs could not be stored; tried again");
    this.#context.after(STORE_AGAIN_MS, { kind: "inputsDue", agent, request });
  }

  /** A list of inputs that would not fit into a message travels as an object. */
  storeInputs(agent: string, request: JobRequest): void {
    this.#context.pipe(
      this.#surroundings.documents.store(request.inputs),
      (inputList) => ({ kind: "inputsStored", agent, request: { ...request, inputs: [], inputList } }),
      (error) => ({
        kind: "inputsNotStored",
        agent,
        request,
        reason: reasonOf(error),
      }),
    );
  }

  #order({ orders, ...to }: Omit<Extract<Consequence, { kind: "orders" }>, "kind">): void {
    const { agent } = to;
    const small = orders.filter((order) => !hasManyInputs(order));
    if (small.length > 0) this.#surroundings.fleet.tell({ ...to, kind: "orders", orders: small });
    for (const order of orders) {
      if (order.kind === "start" && hasManyInputs(order)) this.storeInputs(agent, order.request);
    }
  }
}

const STORE_AGAIN_MS = 1_000;
/** About 256 KiB of names and digests. */
const MANY_INPUTS = 1000;

function hasManyInputs(order: Order): boolean {
  return order.kind === "start" && order.request.inputs.length > MANY_INPUTS;
}
