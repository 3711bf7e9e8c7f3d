/**
 * What is expected of one run, for its order of jobs and for people. Made when the run is loaded, and anew when more has
 * become known, in steps: until it is there jobs rank by the longest path counted in jobs.
 */
import type { Context } from "../../shared/actor/contract.ts";
import { keysOf } from "../../shared/model/job-keys.ts";
import type { Estimate } from "../core/estimates.ts";
import { expectedEnd, type Forecast, forecastInSteps } from "../core/forecast.ts";
import { type RunState, specAt } from "../core/run-state.ts";
import type { RunMessage } from "./messages.ts";
import type { RunSurroundings } from "./run-surroundings.ts";

export class RunForecast {
  readonly #state: RunState;
  readonly #surroundings: RunSurroundings;
  readonly #context: Context<RunMessage>;
  #steps: Generator<void, Forecast> | undefined;
  #forecast: Forecast | undefined;

  constructor(state: RunState, surroundings: RunSurroundings, context: Context<RunMessage>) {
    this.#state = state;
    this.#surroundings = surroundings;
    this.#context = context;
  }

  /** Begins it, or begins it anew; that of a small run is there at once. */
  begin(): void {
    const isUnderWay = this.#steps !== undefined;
    this.#steps = forecastInSteps(this.#state, this.#surroundings.estimates);
    if (!isUnderWay) this.goOn();
  }

  /** Makes the next step. */
  goOn(): void {
    const step = this.#steps?.next();
    if (step === undefined) return;
    if (!step.done) return this.#context.self.tell({ kind: "forecastDue" });
    this.#steps = undefined;
    this.#forecast = step.value;
    const { scheduler, run } = this.#surroundings;
    scheduler.tell({ kind: "ranked", run, ranks: Array.from(step.value.ranks) });
  }

  /** A job with a higher rank should start first. */
  rankOf(job: number): number {
    return this.#forecast?.ranks[job] ?? this.#state.graph.rank[job] ?? 0;
  }

  /** How long a job usually takes. */
  estimateOf(job: number): Estimate | undefined {
    return this.#surroundings.estimates.of(keysOf(specAt(this.#state, job)));
  }

  /** By the slots of the run's pool, as if nobody else used them. */
  expectedEnd(now: number): number | undefined {
    if (this.#forecast === undefined) return undefined;
    const { pool } = this.#state.options;
    let slots = 0;
    for (const offer of this.#surroundings.schedule.current.offers()) {
      if (offer.mode === "active" && offer.pool === pool) slots += offer.capacity.slots;
    }
    return expectedEnd(this.#state, this.#forecast, slots, now);
  }
}
