/** A row of the benchmarks: some work, done by Millrace and by others in turn. */
import type { JobCost } from "./account/job-cost.ts";
import type { Line } from "./line.ts";

/** The built commands that are measured. */
export interface Product {
  /** `millrace`. */
  readonly coordinator: string;
  /** `millrace-agent`. */
  readonly agent: string;
  /** What Node itself is told for coordinators and agents that stay up. */
  readonly nodeArguments: readonly string[];
}

export interface Bench {
  readonly product: Product;
  readonly rounds: number;
  /** Small sizes that show only that all of it works, and what a job costs in messages. */
  readonly isShort: boolean;
}

export interface RowResult {
  readonly lines: readonly Line[];
  /** What a job cost each process and the server. */
  readonly costs?: readonly JobCost[];
  /** What was left out, and why. */
  readonly notes?: readonly string[];
}

export interface Row {
  readonly number: number;
  readonly name: string;
  measure(bench: Bench): Promise<RowResult>;
}
