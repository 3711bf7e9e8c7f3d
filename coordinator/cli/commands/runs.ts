import { z } from "zod";
import type { RunView } from "../../../shared/client/index.ts";
import { runStatusSchema } from "../../../shared/model/event.ts";
import { withCluster } from "../cluster.ts";
import { defineCommand } from "../define-command.ts";
import { exitCode } from "../exit-code.ts";
import { formatAge, formatDuration } from "../format/duration.ts";
import { tableLines } from "../format/table.ts";
import { printJson } from "../json-output.ts";
import { connectionShape, wholeNumber } from "../option-values.ts";

const schema = z.object({
  ...connectionShape,
  status: runStatusSchema.optional(),
  limit: wholeNumber(0, Number.MAX_SAFE_INTEGER).default(50),
  json: z.boolean().default(false),
});

/** `millrace runs`: the latest first. */
export const command = defineCommand(schema, async (input, context) =>
  withCluster(input, context, async (client) => {
    const { terminal } = context;
    const runs: RunView[] = [];
    for await (const run of client.runs(input.status === undefined ? {} : { status: input.status }))
      runs.push(run);
    runs.sort((left, right) => Date.parse(right.submittedAt) - Date.parse(left.submittedAt));
    const shown = input.limit === 0 ? runs : runs.slice(0, input.limit);
    if (input.json) {
      await printJson(terminal, shown);
      return exitCode.succeeded;
    }
    if (shown.length === 0) terminal.note("there is no such run yet");
    else {
      const lines = runTable(shown, Date.now(), terminal.outIsTerminal ? "aligned" : "plain");
      await terminal.write(`${lines.join("\n")}\n`);
    }
    return exitCode.succeeded;
  }),
);

/** Runs as lines of a table. */
export function runTable(runs: readonly RunView[], nowMs: number, form: "aligned" | "plain"): string[] {
  const columns = [
    { title: "RUN" },
    { title: "NAME", maxWidth: 30 },
    { title: "STATUS" },
    { title: "JOBS", align: "right" },
    { title: "DONE", align: "right" },
    { title: "FAILED", align: "right" },
    { title: "SUBMITTED" },
    { title: "TOOK" },
  ] as const;
  const rows = runs.map((run) => [
    run.run,
    run.name ?? "-",
    run.status,
    String(run.jobs),
    String(run.counts.succeeded ?? 0),
    String(run.counts.failed ?? 0),
    form === "aligned" ? formatAge(run.submittedAt, nowMs) : run.submittedAt,
    run.endedAt === null ? "-" : formatDuration(Date.parse(run.endedAt) - Date.parse(run.submittedAt)),
  ]);
  return tableLines(columns, rows, form);
}
