/** Row 3: a chain, where nothing but the time from one job's end to the next one's start counts. */
import { jobCost } from "../account/job-cost.ts";
import { chain as chainOf } from "../graphs/plain.ts";
import { ratioAtMost } from "../line.ts";
import { BareExchange } from "../peers/bare-exchange.ts";
import { BuildTools } from "../peers/build-tools.ts";
import type { Bench, Row, RowResult } from "../row.ts";
import type { Series } from "../series.ts";
import { Stage } from "../stage.ts";

export const chain: Row = { number: 3, name: "chain", measure };

async function measure(bench: Bench): Promise<RowResult> {
  const jobs = chainOf(bench.isShort ? 50 : 300);
  await using tools = await BuildTools.open(jobs);
  await using bare = await BareExchange.open();
  await using shells = await Stage.open(bench.product);
  await using noop = await Stage.open(bench.product, { runner: "noop" });
  for (const stage of [shells, noop]) await stage.run(jobs);
  await bare.run(jobs);
  const before = await shells.read();
  const [make, ours, exchanged, oursNoop]: [number[], number[], number[], number[]] = [[], [], [], []];
  for (let round = 0; round < bench.rounds; round++) {
    make.push(await tools.make());
    ours.push(await shells.run(jobs));
    exchanged.push(await bare.run(jobs));
    oursNoop.push(await noop.run(jobs));
  }
  const cost = jobCost("chain", jobs.length * bench.rounds, before, await shells.read());
  const hops = (tookMs: number[]): Series => ({
    unit: "ms a hop",
    values: tookMs.map((ms) => ms / jobs.length),
  });
  return {
    lines: [
      {
        what: `chain of ${jobs.length} shell jobs`,
        ours: hops(ours),
        beside: { who: "make", series: hops(make) },
        target: ratioAtMost(2.5),
      },
      {
        what: `chain of ${jobs.length} jobs, no process`,
        ours: hops(oursNoop),
        beside: { who: "bare exchange", series: hops(exchanged) },
        target: ratioAtMost(2),
      },
    ],
    costs: [cost],
  };
}
