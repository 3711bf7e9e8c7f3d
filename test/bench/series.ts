/** Measured values, one for each round. */

export type Unit = "ms" | "ms a hop" | "us a job" | "jobs/s" | "MB/s" | "MiB" | "% of a core";

export interface Series {
  readonly unit: Unit;
  readonly values: readonly number[];
}

export function series(unit: Unit, values: readonly number[]): Series {
  return { unit, values };
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2;
}

/** Ours by theirs, round by round: what both had in common in a round does not count. */
export function ratios(ours: Series, theirs: Series): number[] {
  return ours.values.map((value, round) => value / (theirs.values[round] ?? Number.NaN));
}

/** Median, lowest and highest, as reports carry them. */
export function summaryOf(values: readonly number[]): {
  readonly median: number;
  readonly min: number;
  readonly max: number;
} {
  return { median: median(values), min: Math.min(...values), max: Math.max(...values) };
}
