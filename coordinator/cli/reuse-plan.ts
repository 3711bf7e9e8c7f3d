import type { RunPlan } from "../../shared/client/client.ts";
import { formatDuration } from "./format/duration.ts";
import { printJson } from "./json-output.ts";
import { printTable } from "./table-output.ts";
import type { Terminal } from "./terminal.ts";

/** Prints which jobs a run would execute, may execute, and would reuse; each after all that it needs. */
export async function printReusePlan(terminal: Terminal, plan: RunPlan, json: boolean): Promise<void> {
  if (json) return await printJson(terminal, plan);
  const columns = [
    { title: "JOB", maxWidth: 50 },
    { title: "DOES" },
    { title: "TAKES", align: "right" },
    { title: "WHY" },
  ] as const;
  const rows = plan.jobs.map(({ job, from, mayBeSpared, reason, estimateMs }) => [
    job,
    from !== null ? "reuse" : mayBeSpared ? "maybe" : "run",
    from !== null || estimateMs === null ? "-" : formatDuration(estimateMs),
    from === null ? (reason ?? "") : `succeeded in run ${from.run}`,
  ]);
  await printTable(terminal, columns, rows);
  const counts = [
    `${plan.jobs.length - plan.reused - plan.mayBeSpared} to run`,
    ...(plan.mayBeSpared > 0 ? [`${plan.mayBeSpared} that may be spared`] : []),
    `${plan.reused} to reuse`,
  ];
  terminal.note(`${counts.join(", ")}${expectation(plan)}`);
}

function expectation({ leastMs, expectedMs }: Pick<RunPlan, "leastMs" | "expectedMs">): string {
  const [least, most] = [leastMs, expectedMs].map((ms) => (ms === null ? undefined : formatDuration(ms)));
  if (most === undefined) return least === undefined ? "" : `; that would take ${least} at least`;
  if (least === undefined || least === most) return `; that would take about ${most}`;
  return `; that would take about ${least} to ${most}`;
}
