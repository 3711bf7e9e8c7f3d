/** What a graph costs for each of its jobs when it is large, against the same shape when it is small; without processes. */
import type { JobSpecInput } from "../../shared/model/job-spec.ts";
import { jobCost } from "./account/job-cost.ts";
import { atMost, type Line, ratioAtMost } from "./line.ts";
import type { Bench, RowResult } from "./row.ts";
import { median, series } from "./series.ts";
import { Stage } from "./stage.ts";

export interface Shape {
  readonly name: string;
  readonly large: readonly JobSpecInput[];
  readonly small: readonly JobSpecInput[];
}

const MAX_PEAK_MIB = 512;
const MAX_HELD_MS = 250;
/** A small graph is over so soon that its time alone would be noise. */
const SMALL_RUNS = 3;

/** Runs both sizes in turn, on a cluster that serves all of it and so must not keep what is over. */
export async function measureScale(bench: Bench, { name, large, small }: Shape): Promise<RowResult> {
  await using stage = await Stage.open(bench.product, { runner: "noop" });
  await stage.run(small);
  const before = await stage.read();
  const [ours, atSmall]: [number[], number[]] = [[], []];
  for (let round = 0; round < bench.rounds; round++) {
    const smallMs: number[] = [];
    for (let run = 0; run < SMALL_RUNS; run++) smallMs.push(await stage.run(small));
    atSmall.push((median(smallMs) * 1000) / small.length);
    ours.push(((await stage.run(large)) * 1000) / large.length);
  }
  const jobs = bench.rounds * (large.length + SMALL_RUNS * small.length);
  const cost = jobCost(name, jobs, before, await stage.read());
  const peakMiB = stage.coordinatorPeakBytes() / 2 ** 20;
  const { heldMs } = await stage.close();
  const edges = large.reduce((sum, { needs = [] }) => sum + needs.length, 0);
  const lines: Line[] = [
    {
      what: `${name}, ${large.length} jobs, ${edges} edges, no process`,
      ours: series("us a job", ours),
      beside: { who: `${small.length} jobs`, series: series("us a job", atSmall) },
      target: ratioAtMost(1.3),
    },
    {
      what: `${name}: peak memory of the coordinator`,
      ours: series("MiB", [peakMiB]),
      target: atMost(MAX_PEAK_MIB),
    },
    {
      what: `${name}: longest step of its event loop`,
      ours: series("ms", [heldMs]),
      target: atMost(MAX_HELD_MS),
    },
  ];
  return { lines, costs: [cost] };
}
