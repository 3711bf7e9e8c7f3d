/** Tries mutations: breaks a copy of what was built, and looks which seeds notice it. */
import { cpSync, rmSync } from "node:fs";
import { join } from "node:path";
import { mutate } from "./build.ts";
import type { Mutation } from "./mutations.ts";
import { simulateAll } from "./pool.ts";

export interface Noticed {
  readonly seed: number;
  readonly promise: string;
}

const MOST_SEEDS = 1_000;

/** The first seeds that notice a mutation, at most `limit`: those that have before, then all others. */
export async function findNoticing(
  mutation: Mutation,
  options: { whole: string; remembered: readonly number[]; limit: number; workers: number },
): Promise<Noticed[]> {
  const { whole, remembered, limit, workers } = options;
  const folder = join(whole, "..", `mutant-${mutation.breaks.replace(/\W+/g, "-")}`);
  cpSync(whole, folder, { recursive: true, verbatimSymlinks: true });
  mutate(folder, mutation);
  const others = Array.from({ length: MOST_SEEDS }, (_, index) => index + 1);
  const seeds = [...new Set([...remembered, ...others])];
  const noticed: Noticed[] = [];
  try {
    for await (const { seed, finding } of simulateAll(seeds, { folder, workers })) {
      if (finding !== undefined) noticed.push({ seed, promise: finding.promise });
      if (noticed.length >= limit) break;
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return noticed;
}
