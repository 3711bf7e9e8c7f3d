/**
 * `npm run sim -- --seeds N [--seed S]`: simulates the cluster with N seeds from S on, and prints what fails with its
 * seed and the end of its trace; with `--seed` alone that one seed and its whole trace. `--mutations [TEXT]`: looks which
 * seeds notice each mutation, or those whose name has the text in it, and remembers them; a mutation that one of its
 * remembered seeds still notices keeps them.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { buildSimulation } from "./build.ts";
import { Coverage } from "./coverage.ts";
import { allSeeds, findNoticing } from "./mutants.ts";
import { readSeeds, writeSeeds } from "./mutation-seeds.ts";
import { mutations } from "./mutations.ts";
import { simulateAll, traceOf } from "./pool.ts";

/** Of a mutation: should one of them take another course later, the next may do. */
const REMEMBERED = 2;
const cores = availableParallelism();
const SHOWN_LINES = 80;
const SHOWN_FAILURES = 5;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { seeds: { type: "string" }, seed: { type: "string" }, mutations: { type: "boolean" } },
});
const first = Number(values.seed ?? 1);
const count = Number(values.seeds ?? (values.seed === undefined ? 1_000 : 1));
if (!Number.isSafeInteger(first) || !Number.isSafeInteger(count) || count < 1) {
  process.stderr.write("usage: npm run sim -- --seeds N [--seed S] | --mutations [TEXT]\n");
  process.exit(2);
}

const folder = mkdtempSync(join(tmpdir(), "millrace-sim-"));
const program = join(folder, "simulation.mjs");
try {
  await buildSimulation(program);
  if (values.mutations === true) process.exitCode = await rememberMutations(positionals[0] ?? "");
  else process.exitCode = count === 1 ? await showOne() : await showMany();
} finally {
  rmSync(folder, { recursive: true, force: true });
}

async function showOne(): Promise<number> {
  const { finding, trace } = await traceOf(first, program);
  print(trace.join("\n"));
  print(
    finding === undefined
      ? `seed ${first}: all promises kept`
      : `seed ${first}: ${finding.promise} is broken`,
  );
  return finding === undefined ? 0 : 1;
}

async function showMany(): Promise<number> {
  const seeds = Array.from({ length: count }, (_, index) => first + index);
  const coverage = new Coverage();
  const failed: number[] = [];
  let virtualMs = 0;
  for await (const result of simulateAll(seeds, { program })) {
    coverage.add(result.coverage);
    virtualMs += result.virtualMs;
    if (result.finding === undefined) continue;
    failed.push(result.seed);
    print(`seed ${result.seed}: ${result.finding.promise} is broken: ${result.finding.what}`);
    if (failed.length > SHOWN_FAILURES) continue;
    const { trace } = await traceOf(result.seed, program);
    print(trace.slice(-SHOWN_LINES).join("\n"));
  }
  print(`what happened in ${count} simulations, ${Math.round(virtualMs / 3_600_000)} hours of virtual time:`);
  print(coverage.describe());
  if (failed.length === 0) print("all promises kept");
  else print(`broken with ${failed.length} of ${count} seeds: ${failed.sort((a, b) => a - b).join(" ")}`);
  return failed.length === 0 ? 0 : 1;
}

async function rememberMutations(text: string): Promise<number> {
  const seeds: Record<string, readonly number[]> = { ...readSeeds() };
  const unnoticed: string[] = [];
  for (const mutation of mutations.filter(({ breaks }) => breaks.includes(text))) {
    const { breaks } = mutation;
    const remembered = seeds[breaks] ?? [];
    const known = await findNoticing(mutation, { folder, seeds: remembered, limit: 1, workers: 1 });
    const noticed =
      known.length > 0
        ? known
        : await findNoticing(mutation, { folder, seeds: allSeeds, limit: REMEMBERED, workers: cores });
    const shown = noticed.map(({ seed, promise }) => `${seed} ${promise}`).join(", ");
    print(`${breaks}: ${shown === "" ? "NOT NOTICED" : shown}`);
    if (noticed.length === 0) unnoticed.push(breaks);
    if (known.length > 0) continue;
    seeds[breaks] = noticed.map(({ seed }) => seed).sort((a, b) => a - b);
    writeSeeds(seeds);
  }
  return unnoticed.length === 0 ? 0 : 1;
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
