/** From the plan of a build to the graph that is submitted: sources and patches are stored, and named by digest. */
import type { Client } from "../../../shared/client/client.ts";
import type { GraphSpecInput, JobSpecInput } from "../../../shared/model/job-spec.ts";
import type { PlannedJob } from "../../readers/packages/build-plan.ts";
import type { Package } from "../../readers/packages/package.ts";
import { inCrew } from "../../sources/crew.ts";
import { literalGlob, sourceArtifacts } from "../../sources/source-artifact.ts";

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
  await inCrew(CONCURRENT_UPLOADS, packages, async (item) => {
    signal.throwIfAborted();
    files.set(item, await storedFiles(client, item, settings, signal));
  });
  return {
    name: settings.name,
    jobs: jobs.map((job) => jobSpec(job, files.get(job.package) ?? [], settings)),
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
    const { digest } = await client.uploadSources(root, item.patches.map(literalGlob));
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
