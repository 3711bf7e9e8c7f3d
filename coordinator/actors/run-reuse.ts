/**
 * The looking of one run's jobs for equal ones: each ready job that may be reused is asked for before it asks for a slot.
 *
 * Safe: 1. what a job holds is given back when the record of its end, or of its hold, is stored. Live: 2. a job whose place
 * nobody tells as yet is looked at again, until it is known or its time is over.
 */
import type { Context } from "../../shared/actor/contract.ts";
import type { RunRecord } from "../core/record.ts";
import { claimOf, isReusable, isUndecided, onLooked } from "../core/reuse-decide.ts";
import { componentsOf, ingredientsOf, keysFrom } from "../core/reuse-key.ts";
import { type Attempt, isHeld, jobAt, type RunState, specAt } from "../core/run-state.ts";
import type { RunMessage } from "./messages.ts";
import { RunPlaces } from "./run-places.ts";
import type { RunSurroundings } from "./run-surroundings.ts";

/** What a leader may not have told when it ended; it is seldom a second. */
const UNTOLD_MS = 10_000;

const OPEN_INPUTS = "something that it needs indirectly may still run, as what is between runs in any case";

export class RunReuse {
  readonly places: RunPlaces;
  readonly #state: RunState;
  readonly #surroundings: RunSurroundings;
  readonly #context: Context<RunMessage>;
  /** Jobs whose place is not known as yet, and since when. */
  readonly #unplaced = new Map<number, number>();
  /** Jobs that have asked and are not decided, or hold keys. */
  readonly #open = new Set<number>();

  constructor(state: RunState, surroundings: RunSurroundings, context: Context<RunMessage>) {
    this.#state = state;
    this.#surroundings = surroundings;
    this.#context = context;
    this.places = new RunPlaces(state, surroundings, context);
  }

  /** Whether the job has to be looked for; then it is, and the answer comes as `looked`. */
  looksFor(index: number): boolean {
    if (!isUndecided(this.#state, index)) return false;
    this.#look(index, this.#context.monotonicMs());
    return true;
  }

  /** Looks again for those whose place was not known. */
  recheck(): void {
    if (this.#unplaced.size > 0) this.#awaitOffer();
    for (const [index, sinceMs] of this.#unplaced) {
      if (jobAt(this.#state, index).phase !== "ready" || isHeld(this.#state, index))
        this.#unplaced.delete(index);
      else this.#look(index, sinceMs);
    }
  }

  /** What is to be recorded of an answer; one that comes too late is given back. */
  onLooked({ job, answer }: Extract<RunMessage, { kind: "looked" }>): RunRecord[] {
    const records = onLooked(this.#state, job, answer, this.#context.now());
    const holds = answer.kind === "miss" && records.length > 0 && answer.keys !== null;
    if (answer.kind !== "joined" && !holds) this.release(job);
    return records;
  }

  /** Tells what jobs hold, where nobody knows it: at a takeover, or when the reuse actor has started again. */
  tellClaims(): void {
    const { run } = this.#state;
    this.#open.clear();
    const claims = this.#state.jobs.flatMap((_, job) => {
      const keys = claimOf(this.#state, job);
      if (keys === undefined) return [];
      this.#open.add(job);
      return [{ job, name: specAt(this.#state, job).name, keys }];
    });
    this.#surroundings.reuse.tell({ kind: "claims", run, claims });
  }

  /** Equal jobs need not wait for it any more. */
  release(job: number): void {
    if (!this.#open.delete(job)) return;
    this.#surroundings.reuse.tell({ kind: "released", run: this.#state.run, job });
  }

  releaseHeld(): void {
    for (const job of [...this.#open]) if (isHeld(this.#state, job)) this.release(job);
  }

  /** Its success is remembered. */
  onSucceeded(job: number, { attempt, agent, ranOn }: Attempt): void {
    const { run } = this.#state;
    const { keys, artifact } = jobAt(this.#state, job);
    if (keys === null || ranOn === null || !isReusable(this.#state, job)) return this.release(job);
    const from = { run, job: specAt(this.#state, job).name, attempt, agent };
    const result = { v: 1 as const, ...keys, from, artifact, at: this.#context.now() };
    const ingredients = ingredientsOf(this.#state, job, ranOn);
    if (ingredients === undefined) return this.release(job);
    this.#open.delete(job);
    const components = componentsOf(ingredients);
    const last = { v: 1 as const, run, components };
    this.#surroundings.reuse.tell({ kind: "made", run, job, result, last });
  }

  /** Tells again what jobs of a run that was taken over made last: their leader may have had no time for it. */
  tellMade(): void {
    const ends = this.#state.jobs.map(({ attempts }) => attempts.at(-1)?.endedAt ?? 0);
    const lastEnd = ends.reduce((latest, end) => Math.max(latest, end), 0);
    this.#state.jobs.forEach(({ phase, reuse, keys, attempts }, job) => {
      const last = attempts.at(-1);
      if (phase !== "succeeded" || keys === null || reuse?.kind === "reused" || last === undefined) return;
      if ((last.endedAt ?? 0) >= lastEnd - UNTOLD_MS) this.onSucceeded(job, last);
    });
  }

  #awaitOffer(): void {
    this.#surroundings.scheduler.tell({ kind: "awaitsOffer", run: this.#state.run });
  }

  #look(index: number, sinceMs: number): void {
    const { run, options } = this.#state;
    const { self } = this.#context;
    const expected = this.places.placeOf(index, sinceMs);
    if (expected.kind === "open") {
      if (this.#unplaced.size === 0) this.#awaitOffer();
      this.#unplaced.set(index, sinceMs);
      return;
    }
    this.#unplaced.delete(index);
    const miss = (reason: string): void =>
      self.tell({ kind: "looked", job: index, answer: { kind: "miss", keys: null, reason } });
    if (expected.kind === "unknown") return miss(expected.reason);
    const ingredients = ingredientsOf(this.#state, index, expected.place);
    if (ingredients === undefined) return miss(OPEN_INPUTS);
    this.#open.add(index);
    this.#surroundings.reuse.tell({
      kind: "look",
      run,
      job: index,
      name: specAt(this.#state, index).name,
      keys: keysFrom(ingredients),
      components: componentsOf(ingredients),
      cutoff: options.cutoff,
      ref: self,
    });
  }
}
