/** Makes plain JavaScript of the sources and the simulation, so that workers start at once and mutants can be made. */
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import type { Mutation } from "./mutations.ts";

const root = resolve(import.meta.dirname, "../..");
const compiler = join(root, "node_modules/typescript/bin/tsc");

/** Compiles all that the simulation runs into an empty or new folder; types are another check's business. */
export function buildSimulation(folder: string): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "package.json"), JSON.stringify({ type: "module" }));
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
  compile(["-p", join(root, "test/sim/tsconfig.json"), "--outDir", folder]);
}

/** The program that simulates the seeds it is told, in a folder that was built. */
export function workerIn(folder: string): string {
  return join(folder, "test/sim/worker.js");
}

const COMPILER_OPTIONS = [
  ["--ignoreConfig", "--noResolve", "--noCheck", "--skipLibCheck"],
  ["--target", "es2023", "--module", "nodenext", "--rewriteRelativeImportExtensions"],
].flat();

function compile(options: readonly string[]): void {
  execFileSync(process.execPath, [compiler, ...options], { stdio: ["ignore", "inherit", "inherit"] });
}

/** Breaks one file of what was built; the mutation has to fit the source as it is. */
export function mutate(folder: string, { file, find, replace }: Mutation): void {
  const source = readFileSync(join(root, file), "utf8");
  if (source.split(find).length !== 2) throw new Error(`not exactly once in ${file}: ${find}`);
  const draft = join(folder, file);
  writeFileSync(
    draft,
    source.replace(find, () => replace),
  );
  // Alone: its imports are there already.
  compile([draft, ...COMPILER_OPTIONS, "--outDir", dirname(draft)]);
}
