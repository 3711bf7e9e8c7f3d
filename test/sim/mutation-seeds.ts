/** The seeds that have noticed each mutation, kept beside them in a file that is written by `npm run sim -- --mutations`. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { mutations } from "./mutations.ts";

const file = join(import.meta.dirname, "mutation-seeds.json");

export type MutationSeeds = Readonly<Record<string, readonly number[]>>;

export function readSeeds(): MutationSeeds {
  return JSON.parse(readFileSync(file, "utf8")) as MutationSeeds;
}

/** A line for each mutation, in their order. */
export function writeSeeds(seeds: MutationSeeds): void {
  const lines = mutations.flatMap(({ breaks }) => {
    const noticed = seeds[breaks];
    return noticed === undefined ? [] : [`  ${JSON.stringify(breaks)}: [${noticed.join(", ")}]`];
  });
  writeFileSync(file, `{\n${lines.join(",\n")}\n}\n`);
}
