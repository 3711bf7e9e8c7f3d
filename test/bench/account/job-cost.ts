/** What a job costs, by process and by counter: the difference of two readings, shared among the jobs between. */
import type { ServerCounters } from "./server-counters.ts";

/** CPU time so far. */
export interface ProcessorTimes {
  readonly coordinatorMs: number;
  readonly agentMs: number;
  readonly serverMs: number;
  /** Of the jobs, with the shells that start them. */
  readonly shellsMs: number;
  /** Of who submits the run and waits for it. */
  readonly clientMs: number;
}

export interface Reading {
  readonly times: ProcessorTimes;
  readonly counters: ServerCounters;
}

export interface JobCost {
  readonly what: string;
  readonly jobs: number;
  readonly times: ProcessorTimes;
  readonly counters: ServerCounters;
}

/** The cost of each of `jobs` between two readings. */
export function jobCost(what: string, jobs: number, before: Reading, after: Reading): JobCost {
  return {
    what,
    jobs,
    times: perJob(before.times, after.times, jobs),
    counters: perJob(before.counters, after.counters, jobs),
  };
}

/** CPU time of all our processes, without the jobs' own. */
export function ownCpuMs({ times }: Pick<Reading, "times">): number {
  return times.coordinatorMs + times.agentMs + times.serverMs;
}

function perJob<Name extends string>(
  before: Readonly<Record<Name, number>>,
  after: Readonly<Record<Name, number>>,
  jobs: number,
): Record<Name, number> {
  const later = Object.entries(after) as [Name, number][];
  const shares = later.map(([name, value]) => [name, (value - before[name]) / jobs]);
  return Object.fromEntries(shares) as Record<Name, number>;
}
