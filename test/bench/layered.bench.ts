import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Cluster } from "../support/cluster.ts";
import { layeredJobs, makefileOf } from "../support/layered-graph.ts";

/** Not counted: both sides get warm, ours as a cluster is that has been up for a few thousand jobs. */
const WARM_UP_ROUNDS = 3;
const ROUNDS = Number(process.env.MILLRACE_BENCH_ROUNDS ?? 5);
const jobs = layeredJobs(Number(process.env.MILLRACE_BENCH_JOBS ?? 1000));

let cluster: Cluster;
let folder: string;

beforeAll(async () => {
  cluster = await Cluster.start({ agents: 1, slots: 2 });
  folder = mkdtempSync(join(tmpdir(), "millrace-bench-"));
  writeFileSync(join(folder, "Makefile"), makefileOf(jobs));
});
afterAll(async () => {
  await cluster.stop();
  rmSync(folder, { recursive: true });
});

it("runs a layered graph of `true` within 3 times make, side by side", { timeout: 600_000 }, async () => {
  const rows: { make: number; millrace: number }[] = [];
  for (let round = 1; round <= WARM_UP_ROUNDS + ROUNDS; round++) {
    const make = timed(() => execFileSync("make", ["-j2", "-s", "-C", folder, "all"]));
    const started = performance.now();
    const { run } = await cluster.client.submit({ jobs });
    const view = await cluster.client.waitFor(run);
    const millrace = performance.now() - started;
    expect(view.counts.succeeded).toBe(jobs.length);
    if (round > WARM_UP_ROUNDS) rows.push({ make, millrace });
  }
  const ratios = rows.map((row) => row.millrace / row.make);
  report([
    `layered, ${jobs.length} jobs that run true, 2 slots; median of ${ROUNDS} rounds; ${cpus().length} cores, Node ${process.version}`,
    `  make -j2   ${median(rows.map((row) => row.make)).toFixed(0)} ms`,
    `  millrace   ${median(rows.map((row) => row.millrace)).toFixed(0)} ms`,
    `  ratio      ${median(ratios).toFixed(2)}  (${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)})`,
  ]);
});

function timed(work: () => void): number {
  const started = performance.now();
  work();
  return performance.now() - started;
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

function report(lines: readonly string[]): void {
  process.stdout.write(`${lines.join("\n")}\n`);
}
