/** Row 7: the first thing anybody does: one small run where nothing is up yet, and the help. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ratioAtMost } from "../line.ts";
import { timeOf } from "../peers/command.ts";
import type { Bench, Row, RowResult } from "../row.ts";
import { series } from "../series.ts";

export const coldStart: Row = { number: 7, name: "cold start", measure };

async function measure({ product, rounds }: Bench): Promise<RowResult> {
  const [run, help, node]: [number[], number[], number[]] = [[], [], []];
  // The first one reads the programs from disk.
  for (let round = -1; round < rounds; round++) {
    const times = [
      await timeOf(process.execPath, ["-e", "0"]),
      await coldRun(product.coordinator),
      await timeOf(process.execPath, [product.coordinator, "--help"]),
    ] as const;
    if (round < 0) continue;
    node.push(times[0]);
    run.push(times[1]);
    help.push(times[2]);
  }
  const beside = { who: "node -e 0", series: series("ms", node) };
  return {
    lines: [
      {
        what: "millrace run of one job, with a server of its own",
        ours: series("ms", run),
        beside,
        target: ratioAtMost(8),
      },
      { what: "millrace --help", ours: series("ms", help), beside, target: ratioAtMost(1.7) },
    ],
  };
}

/** With a state folder that nobody has used. */
async function coldRun(millrace: string): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), "millrace-bench-"));
  try {
    await writeFile(join(folder, "run.yaml"), "jobs: {only: {run: 'true'}}\n");
    const environment = { XDG_STATE_HOME: join(folder, "state"), MILLRACE_SERVER: "" };
    return await timeOf(process.execPath, [millrace, "run", "run.yaml"], { folder, environment });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
