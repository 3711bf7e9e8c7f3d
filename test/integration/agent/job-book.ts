/**
 * What a coordinator keeps of jobs on one agent that is killed and started again: each job is given to it until it has
 * a result. An attempt that the agent does not know after a restart with the same records, or gives back, is made anew
 * under another lease, and must not have run.
 */
import { haveSameRecords } from "../../../shared/model/incarnation.ts";
import type { JobRequest } from "../../../shared/model/messages.ts";
import type { AttemptResult } from "../../../shared/model/outcome.ts";
import type { ScriptedCoordinator } from "./scripted-coordinator.ts";

export interface BookedJob {
  request: JobRequest;
  incarnation: string | undefined;
  /** Every result that came, under whichever lease. */
  readonly results: AttemptResult[];
  requeued: number;
}

export class JobBook {
  readonly jobs: BookedJob[];
  readonly #coordinator: ScriptedCoordinator;
  readonly #open: number;
  #hellos = 0;
  #items = 0;

  /** `open` is how many may be given to the agent at a time. */
  constructor(coordinator: ScriptedCoordinator, requests: readonly JobRequest[], open: number) {
    this.#coordinator = coordinator;
    this.#open = open;
    this.jobs = requests.map((request) => ({ request, incarnation: undefined, results: [], requeued: 0 }));
  }

  get isDone(): boolean {
    return this.jobs.every(({ results }) => results.length > 0);
  }

  /** Reads what the agent has said since, and gives it what it is to do next. */
  work(): void {
    const { items, hellos } = this.#coordinator;
    for (; this.#items < items.length; this.#items += 1) {
      const item = items[this.#items]!;
      const job = this.jobs.find(({ request }) => request.lease === item.lease);
      if (job === undefined || job.results.length > 0) continue;
      if (item.kind === "finished") job.results.push(item.result);
      if (item.kind === "returned") this.#requeue(job);
    }
    for (; this.#hellos < hellos.length; this.#hellos += 1) {
      const { incarnation, held } = hellos[this.#hellos]!;
      const leases = new Set(held.map(({ lease }) => lease));
      for (const job of this.jobs) {
        const { request, results } = job;
        if (job.incarnation === undefined || results.length > 0 || leases.has(request.lease)) continue;
        if (job.incarnation === incarnation) this.#give(job);
        else if (haveSameRecords(job.incarnation, incarnation)) this.#requeue(job);
        else throw new Error(`${request.lease} is lost: the agent has other records`);
      }
    }
    const given = this.jobs.filter(
      ({ incarnation, results }) => incarnation !== undefined && results.length === 0,
    );
    const waiting = this.jobs.filter(
      ({ incarnation, results }) => incarnation === undefined && results.length === 0,
    );
    for (const job of waiting.slice(0, Math.max(0, this.#open - given.length))) this.#give(job);
  }

  #give(job: BookedJob): void {
    job.incarnation = this.#coordinator.incarnation;
    this.#coordinator.order({ kind: "start", request: job.request });
  }

  #requeue(job: BookedJob): void {
    const { request } = job;
    job.requeued += 1;
    job.incarnation = undefined;
    job.request = { ...request, attempt: request.attempt + 1, lease: `${request.lease}x` };
  }
}
