/** A line of the benchmarks' table: what was measured, what stands beside it, and what it should be. */
import { median, ratios, type Series } from "./series.ts";

export interface Target {
  /** What the limit is for: our value, or its ratio to the one beside it. */
  readonly of: "ours" | "ratio";
  readonly bound: "atMost" | "atLeast";
  readonly limit: number;
}

export interface Line {
  readonly what: string;
  readonly ours: Series;
  /** Measured in the same rounds. */
  readonly beside?: { readonly who: string; readonly series: Series };
  readonly target?: Target;
}

export const ratioAtMost = (limit: number): Target => ({ of: "ratio", bound: "atMost", limit });
export const ratioAtLeast = (limit: number): Target => ({ of: "ratio", bound: "atLeast", limit });
export const atMost = (limit: number): Target => ({ of: "ours", bound: "atMost", limit });
export const atLeast = (limit: number): Target => ({ of: "ours", bound: "atLeast", limit });

/** Whether the median meets the target; undefined without one. */
export function isMet({ ours, beside, target }: Line): boolean | undefined {
  if (target === undefined) return undefined;
  const values = target.of === "ours" ? ours.values : beside === undefined ? [] : ratios(ours, beside.series);
  const value = median(values);
  return target.bound === "atMost" ? value <= target.limit : value >= target.limit;
}
