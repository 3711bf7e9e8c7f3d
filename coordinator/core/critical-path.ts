/**
 * The longest path that remains from each job to the end of its run, in time: a job on it that waits makes the run later.
 * One pass backwards along the graph's order.
 *
 * 1. A job's path is its own duration and the longest path among its dependants, so it is longer than any of these.
 * 2. Of jobs with equal paths the one with more dependants ranks first, and never before one with a longer path.
 * 3. Where all durations are 1, paths are `graph.rank`.
 */
import type { Graph } from "../../shared/model/graph.ts";

/** `durations` are of whole milliseconds, at least one each, or 0 for a job that does not count. */
export function remainingPaths(
  { order, dependants }: Pick<Graph, "order" | "dependants">,
  durations: Float64Array,
): Float64Array {
  const { offsets, targets } = dependants;
  const paths = new Float64Array(order.length);
  for (let position = order.length - 1; position >= 0; position--) {
    const job = order[position] as number;
    let longest = 0;
    for (let edge = offsets[job] as number; edge < (offsets[job + 1] as number); edge++) {
      longest = Math.max(longest, paths[targets[edge] as number] as number);
    }
    paths[job] = longest + (durations[job] as number);
  }
  return paths;
}

/** What the scheduler goes by: the path, and of equal ones the fan-out. */
export function ranksOf({ dependants }: Pick<Graph, "dependants">, paths: Float64Array): Float64Array {
  const { offsets, targets } = dependants;
  return paths.map((path, job) => {
    const fanOut = (offsets[job + 1] as number) - (offsets[job] as number);
    return path + fanOut / (targets.length + 1);
  });
}
