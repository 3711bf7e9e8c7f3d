/** Row 10: recorded workflows, against a schedule that knows all times and costs nothing. */
import { existsSync, readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { jobCost } from "../account/job-cost.ts";
import { readWorkflow, sleepingJobs } from "../graphs/workflow.ts";
import { type Line, ratioAtMost } from "../line.ts";
import { BuildTools } from "../peers/build-tools.ts";
import { listScheduleMs } from "../peers/list-schedule.ts";
import type { Bench, Row, RowResult } from "../row.ts";
import { series } from "../series.ts";
import { Stage } from "../stage.ts";

export const workflows: Row = { number: 10, name: "workflows", measure };

const SLOTS = 4;
/** Recordings are no part of the package: where they are not, the row is left out. */
const corpus =
  process.env.MILLRACE_WORKFLOWS ??
  fileURLToPath(new URL("../../../../shared/corpora/wfinstances", import.meta.url));
/** The short form takes the small ones. */
const SHORT_TASKS = 20;

async function measure(bench: Bench): Promise<RowResult> {
  const files = existsSync(corpus) ? readdirSync(corpus).filter((name) => name.endsWith(".json")) : [];
  if (files.length === 0) {
    return { lines: [], notes: ["no recorded workflows: name their folder by MILLRACE_WORKFLOWS"] };
  }
  await using stage = await Stage.open(bench.product, { slots: SLOTS });
  const before = await stage.read();
  const lines: Line[] = [];
  let count = 0;
  for (const file of files.sort()) {
    const tasks = await readWorkflow(join(corpus, file));
    if (bench.isShort && tasks.length > SHORT_TASKS) continue;
    const jobs = sleepingJobs(tasks);
    await using tools = await BuildTools.open(jobs, SLOTS);
    const [ours, make]: [number[], number[]] = [[], []];
    for (let round = 0; round < bench.rounds; round++) {
      make.push(await tools.make());
      ours.push(await stage.run(jobs));
    }
    count += jobs.length * bench.rounds;
    const bestMs = listScheduleMs(tasks, SLOTS);
    const what = `${basename(file, ".json")}, ${tasks.length} jobs, ${SLOTS} slots`;
    lines.push(
      {
        what,
        ours: series("ms", ours),
        beside: {
          who: "list schedule",
          series: { unit: "ms", values: ours.map(() => bestMs) },
        },
        target: ratioAtMost(1.1),
      },
      { what, ours: series("ms", ours), beside: { who: `make -j${SLOTS}`, series: series("ms", make) } },
    );
  }
  return { lines, costs: [jobCost("workflows", count, before, await stage.read())] };
}
