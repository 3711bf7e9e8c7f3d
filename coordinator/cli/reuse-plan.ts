import type { RunPlan } from "../../shared/client/client.ts";
import { formatDuration } from "./format/duration.ts";
import { printJson } from "./json-output.ts";
import { printTable } from "./table-output.ts";
import type { Terminal } from "./terminal.ts";

/** Prints which jobs a run would execute, and which it would reuse; each after all that it needs. */
export async function printReusePlan(terminal: Terminal, plan: RunPlan, json: boolean): Promise<void> {
  if (json) return await printJson(terminal, plan);
  const columns = [
    { title: "JOB", maxWidth: 50 },
    { title: "DOES" },
    { title: "TAKES", align: "right" },
    { title: "WHY" },
  ] as const;
  const rows = plan.jobs.map(({ job, from, reason, estimateMs }) => [
    job,
    from === null ? "run" : "reuse",
    from !== null || estimateMs === null ? "-" : formatDuration(estimateMs),
    from === null ? (reason ?? "") : `succeeded in run ${from.run}`,
  ]);
  await printTable(terminal, columns, rows);
  const took = plan.expectedMs === null ? "" : `; that would take about ${formatDuration(plan.expectedMs)}`;
  terminal.note(`${plan.jobs.length - plan.reused} to run, ${plan.reused} to reuse${took}`);
}
