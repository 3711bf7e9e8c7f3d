/** Makes one plain file of the sources and the simulation, so that workers start at once and mutants can be made. */
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { type Plugin, rolldown } from "rolldown";
import type { Mutation } from "./mutations.ts";

const root = resolve(import.meta.dirname, "../..");

/** Builds the program that simulates the seeds it is told, with one decision broken if a mutation is given. */
export async function buildSimulation(program: string, mutation?: Mutation): Promise<void> {
  const bundle = await rolldown({
    input: join(root, "test/sim/worker.ts"),
    platform: "node",
    resolve: { mainFields: ["module", "main"] },
    // What is native, or of no use to a simulation, is not read.
    external: ["msgpackr-extract", "jsonc-parser"],
    plugins: mutation === undefined ? [] : [breaking(mutation)],
    logLevel: "warn",
  });
  try {
    await bundle.write({ file: program, format: "esm", codeSplitting: false });
  } finally {
    await bundle.close();
  }
}

/** Breaks one file; the mutation has to fit the source as it is, and the file to be among those that are simulated. */
function breaking({ file, find, replace }: Mutation): Plugin {
  const broken = join(root, file);
  let isBroken = false;
  return {
    name: "mutation",
    load(id) {
      if (id !== broken) return null;
      const source = readFileSync(broken, "utf8");
      if (source.split(find).length !== 2) throw new Error(`not exactly once in ${file}: ${find}`);
      isBroken = true;
      return { code: source.replace(find, () => replace), moduleType: "ts" };
    },
    buildEnd(error) {
      if (error === undefined && !isBroken) throw new Error(`${file} is not part of the simulation`);
    },
  };
}
