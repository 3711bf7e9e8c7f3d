/** Judges where jobs are given: to agents that have what they ask for, and no more than there is room for. */
import type { Capacity, ReportItem } from "../../../shared/model/messages.ts";
import type { Complain, JobModel, LeaseModel } from "./job-model.ts";
import type { RunModel } from "./run-model.ts";
import type { Troubles } from "./troubles.ts";

export interface RoomJudgeOptions {
  readonly capacityOf: (agent: string) => Capacity | undefined;
  readonly troubles: Troubles;
  readonly monotonicMs: () => number;
  readonly complain: Complain;
}

interface Given {
  readonly run: RunModel;
  readonly job: JobModel;
  readonly lease: LeaseModel;
}

/** A slot has the job that it runs and the next one. */
const JOBS_A_SLOT = 2;
/** Where jobs are shorter than a round trip it has as many of them as end in one; none is taken for shorter than so. */
const ROUND_TRIP_MS = 40;
const LEAST_MS = 0.15;
/** A report that was on its way to an earlier leader may have come to this one. */
const ON_THE_WAY_MS = 15_000;
/** What an agent in trouble had may be given up by a record that is not stored yet. */
const EXCUSE_MS = 100_000;

export class RoomJudge {
  readonly #options: RoomJudgeOptions;
  /** By agent, of all runs; what has ended meanwhile is still among them. */
  readonly #given = new Map<string, Given[]>();
  /** By agent: when it last reported a job shorter than a round trip, and the shortest of them. */
  readonly #short = new Map<string, { readonly atMs: number; readonly leastMs: number }>();
  /** Since when the present leader leads: it knows nothing of jobs before. */
  #leaderMs = 0;

  constructor(options: RoomJudgeOptions) {
    this.#options = options;
  }

  onClaimed(): void {
    this.#leaderMs = this.#options.monotonicMs();
  }

  onReported(agent: string, items: readonly ReportItem[]): void {
    for (const item of items) {
      const wallMs = item.kind === "finished" ? item.result.wallMs : null;
      if (wallMs === null || wallMs >= ROUND_TRIP_MS) continue;
      const leastMs = Math.min(wallMs, this.#short.get(agent)?.leastMs ?? wallMs);
      this.#short.set(agent, { atMs: this.#options.monotonicMs(), leastMs });
    }
  }

  onAssigned(model: RunModel, job: JobModel, agent: string): void {
    const lease = model.leaseOf(job);
    if (lease === undefined) return;
    const { capacityOf, complain, troubles, monotonicMs } = this.#options;
    const name = `${model.run}: ${job.spec.name}`;
    for (const [key, value] of job.spec.labels) {
      if (key !== "host" || value !== agent)
        complain("labels", `${name} is given to ${agent}, without ${key}=${value}`);
    }
    const given = (this.#given.get(agent) ?? []).filter(({ lease: earlier }) => !earlier.isOver);
    given.push({ run: model, job, lease });
    this.#given.set(agent, given);
    const capacity = capacityOf(agent);
    if (capacity === undefined) return;
    // A run's own records are in order; those of several runs are not: what was reported may have made room already.
    this.#judge(
      name,
      agent,
      capacity,
      given.filter((one) => one.run === model),
    );
    if (troubles.hadSince(agent, monotonicMs() - EXCUSE_MS)) return;
    this.#judge(
      name,
      agent,
      capacity,
      given.filter((one) => !one.lease.isReported),
    );
  }

  #judge(name: string, agent: string, capacity: Capacity, open: readonly Given[]): void {
    const sum = (amount: (job: JobModel) => number | undefined): number =>
      open.reduce((total, one) => total + (amount(one.job) ?? 0), 0);
    const cpu = sum(({ spec }) => spec.resources.cpu);
    const memoryBytes = sum(({ spec }) => spec.resources.memoryBytes);
    const isFull = cpu > capacity.cpu || memoryBytes > capacity.memoryBytes;
    if (!isFull && open.length <= capacity.slots * this.#jobsASlot(agent)) return;
    const problem = `${agent} has ${open.length} jobs now with ${cpu} CPUs and ${memoryBytes} bytes`;
    this.#options.complain("room", `${name}: ${problem}`);
  }

  #jobsASlot(agent: string): number {
    const short = this.#short.get(agent);
    if (short === undefined || short.atMs < this.#leaderMs - ON_THE_WAY_MS) return JOBS_A_SLOT;
    return 1 + Math.ceil(ROUND_TRIP_MS / Math.max(LEAST_MS, short.leastMs));
  }
}
