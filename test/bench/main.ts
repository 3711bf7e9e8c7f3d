/**
 * `npm run bench`: see docs/performance.md. Exits with 1 when something fails, in the short form also when a counter is
 * over its budget, with 2 for options it does not know. A target that is missed is told, and is no failure.
 */
import { writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { programOptions } from "../support/program-options.ts";
import { overBudget } from "./budgets.ts";
import { rows } from "./catalogue.ts";
import { machineLines, thisMachine } from "./machine.ts";
import { type BenchOptions, readOptions, usage } from "./options.ts";
import { type Findings, reportOf } from "./report.ts";
import type { Bench, RowResult } from "./row.ts";
import { costLines, resultLines } from "./table.ts";

const ROUNDS = 5;

process.once("SIGINT", () => process.exit(130)).once("SIGTERM", () => process.exit(143));
process.exit(await main(process.argv.slice(2)));

async function main(args: readonly string[]): Promise<number> {
  const asked = programOptions(() => readOptions(args), usage);
  if ("status" in asked) return asked.status;
  const { options } = asked;
  const problems: string[] = [];
  const findings = await measureAll(options, problems);
  print(["", ...machineLines(findings.machine), "", ...resultLines(findings.lines)].join("\n"));
  if (findings.costs.length > 0) print(["", ...costLines(findings.costs)].join("\n"));
  for (const note of findings.notes) print(`note: ${note}`);
  if (options.json !== undefined)
    await writeFile(options.json, `${JSON.stringify(reportOf(findings), null, 2)}\n`);
  if (options.short) problems.push(...findings.costs.flatMap(overBudget));
  for (const problem of problems) print(`PROBLEM: ${problem}`);
  return problems.length === 0 ? 0 : 1;
}

/** Row after row; one that fails does not keep the others from being measured. */
async function measureAll(options: BenchOptions, problems: string[]): Promise<Findings> {
  const folder = resolve(options.product);
  const bench: Bench = {
    product: {
      coordinator: resolve(folder, "coordinator/cli/main.js"),
      agent: resolve(folder, "agent/cli/main.js"),
      nodeArguments:
        options.profile === undefined ? [] : ["--cpu-prof", "--cpu-prof-dir", resolve(options.profile)],
    },
    rounds: options.rounds ?? (options.short ? 1 : ROUNDS),
    isShort: options.short,
  };
  const machine = thisMachine();
  const results: [row: number, RowResult][] = [];
  for (const row of rows) {
    if (options.rows?.has(row.number) === false) continue;
    const started = performance.now();
    try {
      results.push([row.number, await row.measure(bench)]);
    } catch (error) {
      problems.push(`row ${row.number}: ${error instanceof Error ? (error.stack ?? error.message) : error}`);
    }
    print(`row ${row.number}, ${row.name}: ${((performance.now() - started) / 1000).toFixed(0)} s`);
  }
  return {
    machine,
    lines: results.flatMap(([row, { lines }]) =>
      // The targets are for the full sizes.
      lines.map(({ target, ...line }) => ({ row, ...line, ...(options.short || !target ? {} : { target }) })),
    ),
    costs: results.flatMap(([row, { costs = [] }]) => costs.map((cost) => ({ row, ...cost }))),
    notes: results.flatMap(([row, { notes = [] }]) => notes.map((note) => `row ${row}: ${note}`)),
  };
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
