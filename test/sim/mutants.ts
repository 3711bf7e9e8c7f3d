/** Tries mutations: builds a simulation that is broken, and looks which seeds notice it. */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { buildSimulation } from "./build.ts";
import type { Mutation } from "./mutations.ts";
import { simulateAll } from "./pool.ts";

export interface Noticed {
  readonly seed: number;
  readonly promise: string;
}

/** Those of which one at least has to notice each mutation. */
export const allSeeds: readonly number[] = Array.from({ length: 1_000 }, (_, index) => index + 1);

/** The first seeds that notice a mutation, at most `limit`; its program is made in the folder. */
export async function findNoticing(
  mutation: Mutation,
  options: { folder: string; seeds: readonly number[]; limit: number; workers: number },
): Promise<Noticed[]> {
  const { folder, seeds, limit, workers } = options;
  const program = join(folder, `mutant-${mutation.breaks.replace(/\W+/g, "-")}.mjs`);
  await buildSimulation(program, mutation);
  const noticed: Noticed[] = [];
  try {
    for await (const { seed, finding } of simulateAll(seeds, { program, workers })) {
      if (finding !== undefined) noticed.push({ seed, promise: finding.promise });
      if (noticed.length >= limit) break;
    }
  } finally {
    await rm(program);
  }
  return noticed;
}
