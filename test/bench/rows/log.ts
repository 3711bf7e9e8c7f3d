/** Row 11: a log as long as it gets, with somebody who reads along, quickly or not at all. */
import type { JobSpecInput } from "../../../shared/model/job-spec.ts";
import { type JobCost, jobCost } from "../account/job-cost.ts";
import { atLeast, ratioAtMost } from "../line.ts";
import { LogFollower } from "../log-follower.ts";
import type { Bench, Row, RowResult } from "../row.ts";
import { series } from "../series.ts";
import { Stage } from "../stage.ts";

export const log: Row = { number: 11, name: "log", measure };

const MB = 1e6;
const LINE = "a line of a log, as long as such lines are: some eighty characters in all, or so";

async function measure(bench: Bench): Promise<RowResult> {
  const megabytes = bench.isShort ? 20 : 1_000;
  const [rates, peak, smallPeak]: [number[], number[], number[]] = [[], [], []];
  const [stillMs, readingMs]: [number[], number[]] = [[], []];
  let cost: JobCost | undefined;
  for (let round = 0; round < bench.rounds; round++) {
    // The server of a stage has room for a few such logs only.
    await using stage = await Stage.open(bench.product);
    smallPeak.push((await follow(stage, bench, megabytes / 10, "reads")).peakMiB);
    const readsFirst = round % 2 === 0;
    if (!readsFirst) stillMs.push((await follow(stage, bench, megabytes, "stands still")).jobMs);
    const before = await stage.read();
    const { tookMs, jobMs, peakMiB } = await follow(stage, bench, megabytes, "reads");
    cost = jobCost(`log of ${megabytes} MB`, 1, before, await stage.read());
    rates.push((megabytes * 1000) / tookMs);
    peak.push(peakMiB);
    readingMs.push(jobMs);
    // Whichever is second finds the disk busy with what the first one wrote.
    if (readsFirst) stillMs.push((await follow(stage, bench, megabytes, "stands still")).jobMs);
  }
  return {
    lines: [
      {
        what: `log of ${megabytes} MB, followed to its end`,
        ours: series("MB/s", rates),
        target: atLeast(100),
      },
      {
        what: "the largest peak memory of agent, coordinator and reader",
        ours: series("MiB", peak),
        beside: { who: `for ${megabytes / 10} MB`, series: series("MiB", smallPeak) },
        target: ratioAtMost(1.5),
      },
      {
        what: "how long the job takes when its reader stands still",
        ours: series("ms", stillMs),
        beside: { who: "with one that reads", series: series("ms", readingMs) },
        target: ratioAtMost(1.25),
      },
    ],
    costs: cost === undefined ? [] : [cost],
  };
}

interface Followed {
  /** Until the reader had all of it. */
  readonly tookMs: number;
  /** Of the job's command. */
  readonly jobMs: number;
  readonly peakMiB: number;
}

/** Runs a job that writes so much, with `millrace logs -f` on it. */
async function follow(
  stage: Stage,
  { product }: Bench,
  megabytes: number,
  how: "reads" | "stands still",
): Promise<Followed> {
  const bytes = megabytes * MB;
  const job: JobSpecInput = { name: "writer", run: { script: `yes '${LINE}' | head -c ${bytes}` } };
  const started = performance.now();
  const { run } = await stage.client.submit({ jobs: [job] });
  const reader = new LogFollower(product, stage.server.url, run, job.name);
  try {
    if (how === "reads") await reader.read(bytes);
    const tookMs = performance.now() - started;
    const peakBytes = Math.max(reader.peakBytes(), stage.agentPeakBytes(), stage.coordinatorPeakBytes());
    await stage.client.waitFor(run);
    // Logs are shipped when their jobs are over, too: the next one is to have the server to itself.
    if (how === "stands still") await reader.read(bytes);
    return { tookMs, jobMs: await wallMsOf(stage, run), peakMiB: peakBytes / 2 ** 20 };
  } finally {
    await reader.kill();
  }
}

async function wallMsOf(stage: Stage, run: string): Promise<number> {
  for await (const { attempts } of stage.client.jobs(run)) {
    const wallMs = attempts.at(-1)?.wallMs;
    if (wallMs !== undefined && wallMs !== null) return wallMs;
  }
  throw new Error("the job's time is not known");
}
