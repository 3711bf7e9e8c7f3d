import { z } from "zod";
import { jobPhaseSchema } from "../../../shared/model/event.ts";
import { withCluster } from "../cluster.ts";
import { defineCommand } from "../define-command.ts";
import { exitCode } from "../exit-code.ts";
import { formatAge, formatDuration } from "../format/duration.ts";
import { historyShape, jobFilterOf, limitOf, periodOf } from "../history/history-filter.ts";
import { atMost, latestRuns, type PastJob, pastJobs } from "../history/job-history.ts";
import { type Listing, printListing } from "../history/listing.ts";
import { connectionShape } from "../option-values.ts";
import { findRun } from "../run-reference.ts";

const schema = z.object({
  ...connectionShape,
  ...historyShape,
  run: z.string().optional(),
  job: z.string().min(1).optional(),
  phase: jobPhaseSchema.optional(),
});

/** `millrace jobs`: of one run, or of all, the latest run first. */
export const command = defineCommand(schema, async (input, context) =>
  withCluster(input, context, async (client) => {
    const { terminal, environment } = context;
    const nowMs = Date.now();
    const { run, job, phase } = input;
    const filter = {
      ...jobFilterOf(input, environment),
      ...(phase === undefined ? {} : { phase }),
      ...(job === undefined ? {} : { job }),
    };
    const runs = run === undefined ? latestRuns(client) : [await findRun(client, run)];
    const found = pastJobs(client, runs, filter, periodOf(input, nowMs));
    await printListing(terminal, atMost(limitOf(input, run), found), jobListing(nowMs), input);
    return exitCode.succeeded;
  }),
);

/** How jobs of many runs are shown. */
export function jobListing(nowMs: number): Listing<PastJob> {
  return {
    columns: [
      { title: "RUN" },
      { title: "JOB", maxWidth: 50 },
      { title: "PHASE" },
      { title: "RESULT" },
      { title: "AGENT", maxWidth: 40 },
      { title: "BEGAN" },
      { title: "TOOK", align: "right" },
      { title: "RAN ON", maxWidth: 30 },
      { title: "ARTIFACT", maxWidth: 12 },
    ],
    row: ({ run, job, at }, form) => {
      const attempt = job.attempts.at(-1);
      const wallMs = attempt?.wallMs ?? null;
      return [
        run.run,
        job.job,
        job.phase,
        originOf(job),
        attempt?.agent ?? "-",
        form === "aligned" ? formatAge(at, nowMs) : at,
        wallMs === null ? "-" : formatDuration(wallMs),
        placeOf(job),
        job.artifact?.digest ?? "-",
      ];
    },
    document: ({ run, job, at }) => ({ run: run.run, submittedAt: run.submittedAt, at, ...job }),
    emptyNote: "there is no such job",
  };
}

/** Whether its result was made in this run. */
function originOf({ attempts, reusedFrom, carriedFrom }: PastJob["job"]): string {
  if (carriedFrom !== null) return `carried from ${carriedFrom}`;
  if (reusedFrom !== null) return `reused from ${reusedFrom.run}`;
  return attempts.some(({ startedAt }) => startedAt !== null) ? "run" : "-";
}

/** The image that it names, or the kind of host that it ran on. */
function placeOf({ image, attempts }: PastJob["job"]): string {
  if (typeof image === "string") return image;
  const ranOn = attempts.at(-1)?.ranOn ?? null;
  if (ranOn === null) return "-";
  return "host" in ranOn ? ranOn.host : ranOn.image;
}
