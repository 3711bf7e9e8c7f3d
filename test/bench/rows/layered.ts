/** Row 1: a layered graph of shells that run `true`, against the tools that know nothing but processes. */
import { layeredJobs } from "../../support/layered-graph.ts";
import { jobCost } from "../account/job-cost.ts";
import { type Line, ratioAtMost } from "../line.ts";
import { BuildTools } from "../peers/build-tools.ts";
import type { Bench, Row, RowResult } from "../row.ts";
import { series } from "../series.ts";
import { Stage } from "../stage.ts";

export const layered: Row = { number: 1, name: "layered", measure };

async function measure(bench: Bench): Promise<RowResult> {
  const jobs = layeredJobs(bench.isShort ? 500 : 10_000);
  await using tools = await BuildTools.open(jobs);
  await using stage = await Stage.open(bench.product);
  await stage.run(layeredJobs(bench.isShort ? 200 : 3_000));
  const before = await stage.read();
  const [ours, make, ninja]: [number[], number[], number[]] = [[], [], []];
  for (let round = 0; round < bench.rounds; round++) {
    make.push(await tools.make());
    ours.push(await stage.run(jobs));
    if (tools.hasNinja) ninja.push(await tools.ninja());
  }
  const cost = jobCost("layered", jobs.length * bench.rounds, before, await stage.read());
  const what = `layered graph, ${jobs.length} jobs that run true, 2 slots`;
  const lines: Line[] = [
    {
      what,
      ours: series("ms", ours),
      beside: { who: "make -j2", series: series("ms", make) },
      target: ratioAtMost(1.75),
    },
  ];
  if (tools.hasNinja)
    lines.push({ what, ours: series("ms", ours), beside: { who: "ninja -j2", series: series("ms", ninja) } });
  return { lines, costs: [cost], notes: tools.hasNinja ? [] : ["ninja is not installed"] };
}
