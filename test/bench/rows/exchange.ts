/** Row 2: jobs without a process, layered and independent, against the bare exchange of their messages. */
import type { JobSpecInput } from "../../../shared/model/job-spec.ts";
import { layeredJobs } from "../../support/layered-graph.ts";
import { type JobCost, jobCost } from "../account/job-cost.ts";
import { independent } from "../graphs/plain.ts";
import { atLeast, type Line, ratioAtLeast } from "../line.ts";
import { BareExchange } from "../peers/bare-exchange.ts";
import type { Bench, Row, RowResult } from "../row.ts";
import { series } from "../series.ts";
import { Stage } from "../stage.ts";

export const exchange: Row = { number: 2, name: "exchange", measure };

const HALF_THE_RATE = 0.5;

async function measure(bench: Bench): Promise<RowResult> {
  const count = bench.isShort ? 1_000 : 10_000;
  const graphs: [what: string, jobs: JobSpecInput[], leastRate: number][] = [
    ["layered", layeredJobs(count), 5_000],
    ["independent", independent(count), 15_000],
  ];
  await using bare = await BareExchange.open();
  await using stage = await Stage.open(bench.product, { runner: "noop" });
  for (const [, jobs] of graphs) {
    await bare.run(jobs);
    await stage.run(jobs);
  }
  const lines: Line[] = [];
  const costs: JobCost[] = [];
  for (const [what, jobs, leastRate] of graphs) {
    const before = await stage.read();
    const [ours, theirs]: [number[], number[]] = [[], []];
    for (let round = 0; round < bench.rounds; round++) {
      theirs.push(rate(count, await bare.run(jobs)));
      ours.push(rate(count, await stage.run(jobs)));
    }
    costs.push(jobCost(`${what}, no process`, count * bench.rounds, before, await stage.read()));
    const beside = { who: "bare exchange", series: series("jobs/s", theirs) };
    const line = {
      what: `${count} jobs, ${what}, no process, 2 slots`,
      ours: series("jobs/s", ours),
      beside,
    };
    lines.push({ ...line, target: atLeast(leastRate) }, { ...line, target: ratioAtLeast(HALF_THE_RATE) });
  }
  return { lines, costs };
}

function rate(count: number, tookMs: number): number {
  return (count / tookMs) * 1000;
}
