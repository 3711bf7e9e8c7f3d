/** Graphs of jobs that run `true`, beside the layered one. */
import type { JobSpecInput } from "../../../shared/model/job-spec.ts";

/** Each needs the one before. */
export function chain(count: number): JobSpecInput[] {
  return Array.from({ length: count }, (_, index) => trueJob(index, index === 0 ? [] : [index - 1]));
}

/** None needs another. */
export function independent(count: number): JobSpecInput[] {
  return Array.from({ length: count }, (_, index) => trueJob(index, []));
}

/** `count` that need nothing, and one that needs them all. */
export function merge(count: number): JobSpecInput[] {
  const all = Array.from({ length: count }, (_, index) => index);
  return [...independent(count), trueJob(count, all)];
}

/** Named by its place in the graph; needs are places, too. */
export function trueJob(index: number, needs: readonly number[]): JobSpecInput {
  return { name: `j${index}`, run: { script: "true" }, needs: needs.map((need) => ({ job: `j${need}` })) };
}
