/**
 * The graph that Dask makes of `df.groupby(name).x.mean()` over a table in partitions, as in "Runtime vs Scheduler:
 * Analyzing Dask's Overheads" (groupby-1440-1S-1H). Its 34,560 partitions, one for each hour of 1,440 days, give 182,682
 * jobs with 251,801 edges: five jobs for each partition, and two reductions, each of eight results at a time.
 */
import type { JobSpecInput } from "../../../shared/model/job-spec.ts";
import { trueJob } from "./plain.ts";

export const FULL_PARTITIONS = 34_560;
/** About 10,000 jobs. */
export const TENTHOUSAND_JOBS_PARTITIONS = 1_891;
const REDUCED_AT_A_TIME = 8;

export function groupby(partitions: number): JobSpecInput[] {
  const jobs: JobSpecInput[] = [];
  const add = (needs: readonly number[]): number => {
    jobs.push(trueJob(jobs.length, needs));
    return jobs.length - 1;
  };
  const reduce = (parts: number[]): number => {
    let level = parts;
    while (level.length > 1) {
      const next: number[] = [];
      for (let from = 0; from < level.length; from += REDUCED_AT_A_TIME)
        next.push(add(level.slice(from, from + REDUCED_AT_A_TIME)));
      level = next;
    }
    return level[0]!;
  };
  const sums: number[] = [];
  const counts: number[] = [];
  for (let partition = 0; partition < partitions; partition++) {
    const table = add([]);
    const key = add([table]);
    const column = add([table]);
    sums.push(add([key, column]));
    counts.push(add([column]));
  }
  const quotient = add([reduce(sums), reduce(counts)]);
  add([quotient]);
  return jobs;
}
