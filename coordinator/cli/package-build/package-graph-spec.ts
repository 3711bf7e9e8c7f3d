/** From the plan of a build to the graph that is submitted: sources and patches are stored, and named by digest. */
import type { Client } from "../../../shared/client/client.ts";
import { MillraceError } from "../../../shared/model/error.ts";
import type { GraphSpecInput, JobSpecInput } from "../../../shared/model/job-spec.ts";
import type { PlannedJob } from "../../readers/packages/build-plan.ts";
import type { Package } from "../../readers/packages/package.ts";
import { inCrew } from "../../sources/crew.ts";
import { literalGlob, sourceArtifacts } from "../../sources/source-artifact.ts";
import { withPlainPatches } from "./plain-patches.ts";

type JobFiles = NonNullable<JobSpecInput["files"]>[number];

/** What all jobs of a build have in common. */
export interface BuildSettings {
  readonly name: string;
  /** Root of the repository. */
  readonly root: string;
  readonly sourceCache: string;
  /** Whether the hashes of sources are checked. */
  readonly verify: boolean;
  readonly verdict: NonNullable<JobSpecInput["marks"]>["verdict"];
  readonly network?: string | undefined;
  /** Jobs run on the hosts of agents, not in containers. */
  readonly onHost: boolean;
}

const CONCURRENT_UPLOADS = 8;

/** Stores what the jobs need and makes the graph. */
export async function packageGraphSpec(
  client: Pick<Client, "uploadSources">,
  jobs: readonly PlannedJob[],
  settings: BuildSettings,
  signal: AbortSignal,
): Promise<GraphSpecInput> {
  const files = new Map<Package, JobFiles[]>();
  const packages = [...new Set(jobs.map((job) => job.package))];
  const refusals: string[] = [];
  await inCrew(CONCURRENT_UPLOADS, packages, async (item) => {
    signal.throwIfAborted();
    try {
      files.set(item, await storedFiles(client, item, settings, signal));
    } catch (error) {
      if (!(error instanceof MillraceError) || error.code !== "refused") throw error;
      refusals.push(error.message);
    }
  });
  if (refusals.length > 0) throw refused(refusals);
  return {
    name: settings.name,
    jobs: jobs.map((job) => jobSpec(job, files.get(job.package) ?? [], settings)),
  };
}

const SHOWN_REFUSALS = 20;

/** All that is wrong with sources at once, as they are often fetched at once. */
function refused(refusals: readonly string[]): MillraceError {
  const lines = refusals.toSorted().slice(0, SHOWN_REFUSALS);
  if (lines.length < refusals.length) lines.push(`… and ${refusals.length - lines.length} more`);
  return new MillraceError("refused", lines.join("\n"), {
    fix: "millrace source download fetches what can be fetched; millrace source verify checks all.",
  });
}

/** The graph as a plan shows it: nothing is stored, so nothing has a digest. */
export function outlinedGraph(jobs: readonly PlannedJob[]): GraphSpecInput {
  return {
    jobs: jobs.map(({ name, needs, image, script }) => ({
      name,
      needs: needs.map((job) => ({ job, transitive: true })),
      run: { program: script },
      ...(image === undefined ? {} : { image }),
    })),
  };
}

async function storedFiles(
  client: Pick<Client, "uploadSources">,
  item: Package,
  { root, sourceCache, verify }: BuildSettings,
  signal: AbortSignal,
): Promise<JobFiles[]> {
  const stored: JobFiles[] = [];
  for (const source of await sourceArtifacts(sourceCache, item, { verify, signal })) {
    const { digest } = await client.uploadSources(source.root, source.globs);
    stored.push({ digest, folder: "inputs" });
  }
  if (item.patches.length > 0) {
    const { digest } = await withPlainPatches(root, item.patches, (folder) =>
      client.uploadSources(folder, item.patches.map(literalGlob)),
    );
    stored.push({ digest, folder: "patches" });
  }
  return stored;
}

function jobSpec(job: PlannedJob, files: JobFiles[], settings: BuildSettings): JobSpecInput {
  const { verdict, network, onHost } = settings;
  return {
    name: job.name,
    needs: job.needs.map((needed) => ({ job: needed, transitive: true })),
    run: { program: job.script },
    ...(job.image === undefined || onHost ? {} : { image: job.image }),
    ...(network === undefined || onHost ? {} : { network }),
    layout: "package",
    files,
    marks: { verdict },
    env: job.env,
    outputs: ["**"],
    reuse: true,
  };
}
