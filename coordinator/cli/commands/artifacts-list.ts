import { z } from "zod";
import type { Artifact, ArtifactEntry } from "../../../shared/client/index.ts";
import { formatBytes } from "../../../shared/model/size.ts";
import { withCluster } from "../cluster.ts";
import { defineCommand } from "../define-command.ts";
import { exitCode } from "../exit-code.ts";
import { formatAge } from "../format/duration.ts";
import {
  type HistoryInput,
  historyShape,
  jobFilterOf,
  limitOf,
  periodOf,
} from "../history/history-filter.ts";
import { atMost, latestRuns, type PastJob, pastJobs } from "../history/job-history.ts";
import { type Listing, printListing } from "../history/listing.ts";
import { connectionShape } from "../option-values.ts";
import { findRun } from "../run-reference.ts";

const schema = z
  .object({
    ...connectionShape,
    ...historyShape,
    run: z.string().optional(),
    job: z.string().optional(),
  })
  .refine((input) => input.job === undefined || !isFiltered(input), {
    path: ["job"],
    message: "is one already: --package, --image, --env, --agent and the like choose among several",
  });

function isFiltered({ package: named, image, env, agent, olderThan, newerThan }: HistoryInput): boolean {
  return [named, image, env[0], agent, olderThan, newerThan].some((wish) => wish !== undefined);
}

/** `millrace artifacts list`: of the latest runs, of one run by job, or of one job by file. */
export const command = defineCommand(schema, async (input, context) =>
  withCluster(input, context, async (client) => {
    const { terminal, environment } = context;
    const nowMs = Date.now();
    const named = input.run === undefined ? undefined : await findRun(client, input.run);
    const limit = limitOf(input, input.run);
    if (named !== undefined && input.job !== undefined) {
      const entries = await client.artifactEntries({ run: named.run, job: input.job });
      await printListing(terminal, atMost(limit, entries), entryListing, input);
      return exitCode.succeeded;
    }
    const runs = named === undefined ? latestRuns(client) : [named];
    const jobs = pastJobs(client, runs, jobFilterOf(input, environment) ?? {}, periodOf(input, nowMs));
    const listing = named === undefined ? artifactListing(nowMs) : ownArtifactListing(named.run);
    await printListing(terminal, atMost(limit, artifactsOf(jobs)), listing, input);
    return exitCode.succeeded;
  }),
);

interface PastArtifact extends PastJob {
  readonly artifact: Artifact;
}

async function* artifactsOf(jobs: AsyncIterable<PastJob>): AsyncGenerator<PastArtifact> {
  for await (const past of jobs) {
    const { artifact } = past.job;
    if (artifact !== null) yield { ...past, artifact };
  }
}

const ownColumns = [
  { title: "JOB", maxWidth: 50 },
  { title: "FILES", align: "right" },
  { title: "SIZE", align: "right" },
  { title: "DIGEST" },
] as const;

/** Of one run. */
function ownArtifactListing(run: string): Listing<PastArtifact> {
  return {
    columns: ownColumns,
    row: ({ job, artifact }, form) => [
      job.job,
      String(artifact.files),
      sizeOf(artifact.bytes, form),
      artifact.digest,
    ],
    document: documentOf,
    emptyNote: `no job of run ${run} has such an artifact`,
  };
}

/** Of many runs. */
function artifactListing(nowMs: number): Listing<PastArtifact> {
  const own = ownArtifactListing("");
  return {
    columns: [{ title: "RUN" }, { title: "BEGAN" }, ...ownColumns],
    row: (past, form) => [
      past.run.run,
      form === "aligned" ? formatAge(past.at, nowMs) : past.at,
      ...own.row(past, form),
    ],
    document: documentOf,
    emptyNote: "there is no such artifact",
  };
}

function documentOf({ run, job, at, artifact }: PastArtifact): unknown {
  return { run: run.run, job: job.job, image: job.image ?? null, at, artifact };
}

const entryListing: Listing<ArtifactEntry> = {
  columns: [{ title: "KIND" }, { title: "SIZE", align: "right" }, { title: "PATH" }],
  row: ({ kind, executable, bytes, path, target }, form) => [
    executable ? "program" : kind,
    sizeOf(bytes, form),
    target === null ? path : `${path} -> ${target}`,
  ],
  document: (entry) => entry,
  emptyNote: "there is nothing in it",
};

function sizeOf(bytes: number, form: "aligned" | "plain"): string {
  return form === "aligned" ? formatBytes(bytes) : String(bytes);
}
