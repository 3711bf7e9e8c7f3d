import { z } from "zod";
import type { Client, JobFilter, RunView } from "../../../shared/client/index.ts";
import { runStatusSchema } from "../../../shared/model/event.ts";
import { withCluster } from "../cluster.ts";
import { defineCommand } from "../define-command.ts";
import { exitCode } from "../exit-code.ts";
import { formatAge, formatDuration } from "../format/duration.ts";
import { tableLines } from "../format/table.ts";
import {
  everything,
  historyShape,
  isWithin,
  jobFilterOf,
  limitOf,
  periodOf,
} from "../history/history-filter.ts";
import { atMost, latestRuns, pastJobs } from "../history/job-history.ts";
import { type Listing, printListing } from "../history/listing.ts";
import { connectionShape } from "../option-values.ts";

const schema = z.object({
  ...connectionShape,
  ...historyShape,
  status: runStatusSchema.optional(),
  submitter: z.string().optional(),
});
type Input = z.output<typeof schema>;

/** `millrace runs`: the latest first. */
export const command = defineCommand(schema, async (input, context) =>
  withCluster(input, context, async (client) => {
    const { terminal, environment } = context;
    const nowMs = Date.now();
    const found = matchingRuns(client, input, jobFilterOf(input, environment), nowMs);
    await printListing(terminal, atMost(limitOf(input), found), runListing(nowMs), input);
    return exitCode.succeeded;
  }),
);

async function* matchingRuns(
  client: Client,
  input: Input,
  jobs: JobFilter | undefined,
  nowMs: number,
): AsyncGenerator<RunView> {
  const period = periodOf(input, nowMs);
  for await (const run of latestRuns(client, input.status)) {
    // They come by the time of their submission.
    if (Date.parse(run.submittedAt) <= period.afterMs) return;
    if (!isWithin(period, run.submittedAt)) continue;
    if (input.submitter !== undefined && run.submitter !== input.submitter) continue;
    if (jobs === undefined || (await hasJob(client, run, jobs))) yield run;
  }
}

async function hasJob(client: Client, run: RunView, filter: JobFilter): Promise<boolean> {
  for await (const _job of pastJobs(client, [run], filter, everything)) return true;
  return false;
}

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

function runListing(nowMs: number): Listing<RunView> {
  return {
    columns,
    row: (run, form) => runRow(run, nowMs, form),
    document: (run) => run,
    emptyNote: "there is no such run yet",
  };
}

/** Runs as lines of a table. */
export function runTable(runs: readonly RunView[], nowMs: number, form: "aligned" | "plain"): string[] {
  return tableLines(
    columns,
    runs.map((run) => runRow(run, nowMs, form)),
    form,
  );
}

function runRow(run: RunView, nowMs: number, form: "aligned" | "plain"): string[] {
  return [
    run.run,
    run.name ?? "-",
    run.status,
    String(run.jobs),
    String(run.counts.succeeded ?? 0),
    String(run.counts.failed ?? 0),
    form === "aligned" ? formatAge(run.submittedAt, nowMs) : run.submittedAt,
    run.endedAt === null ? "-" : formatDuration(Date.parse(run.endedAt) - Date.parse(run.submittedAt)),
  ];
}
