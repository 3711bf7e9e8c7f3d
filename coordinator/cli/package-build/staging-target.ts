/** Puts the artifacts of a build into its staging store, each with how it was made. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { join } from "node:path";
import type { Client } from "../../../shared/client/client.ts";
import type { JobView } from "../../../shared/model/api.ts";
import { MillraceError } from "../../../shared/model/error.ts";
import type { Artifact } from "../../../shared/model/outcome.ts";
import type { Provenance } from "../../../shared/model/provenance.ts";
import type { PlannedJob } from "../../readers/packages/build-plan.ts";
import { PackageStore } from "../../releases/package-store.ts";
import { type Making, stageArtifact, stagingFolder } from "../../releases/staging.ts";
import type { ArtifactTarget } from "../artifact-copies.ts";

export interface StagingOptions {
  readonly staging: string;
  readonly root: string;
  readonly jobs: readonly PlannedJob[];
  /** Commit of the repository; null where it is not as it was committed. */
  readonly commit: string | null;
}

/** A run's folder in the staging store, or one for each image where the run has several. */
export class StagingTarget implements ArtifactTarget {
  readonly #options: StagingOptions;
  readonly #jobs: ReadonlyMap<string, PlannedJob>;
  readonly #manyImages: boolean;
  readonly #stores = new Map<string | undefined, Promise<PackageStore>>();
  readonly #patches = new Map<string, Promise<string>>();
  #views: Promise<ReadonlyMap<string, JobView>> | undefined;
  #run = "";
  readonly paths: string[] = [];

  constructor(options: StagingOptions) {
    this.#options = options;
    this.#jobs = new Map(options.jobs.map((job) => [job.name, job]));
    this.#manyImages = new Set(options.jobs.map(({ image }) => image)).size > 1;
  }

  /** The run whose artifacts come; said before the first of them. */
  set run(run: string) {
    this.#run = run;
  }

  get path(): string {
    return stagingFolder(this.#options.staging, this.#run);
  }

  async replace(client: Client, name: string, artifact: Artifact): Promise<void> {
    const job = this.#jobs.get(name);
    if (job === undefined)
      throw new MillraceError("internal", `the build has no job ${JSON.stringify(name)}`);
    this.#views ??= viewsOf(client, this.#run);
    const making = await this.#making(job, artifact, await this.#views);
    const store = await this.#storeOf(job.image);
    const { files } = await stageArtifact(store, client, making);
    this.paths.push(...files.map(({ path }) => join(store.root, path)));
  }

  /** A package without files has nothing to stage. */
  async clear(): Promise<void> {}

  async close(): Promise<void> {}

  #storeOf(image: string | undefined): Promise<PackageStore> {
    const key = this.#manyImages ? image : undefined;
    const folder = stagingFolder(this.#options.staging, this.#run, key);
    const opened = this.#stores.get(key) ?? PackageStore.open(folder, Date.now(), { durable: false });
    this.#stores.set(key, opened);
    return opened;
  }

  async #making(job: PlannedJob, artifact: Artifact, views: ReadonlyMap<string, JobView>): Promise<Making> {
    const { package: item } = job;
    const last = views.get(job.name)?.attempts.at(-1);
    return {
      package: { name: item.name, version: item.version },
      artifact,
      made: {
        run: this.#run,
        job: job.name,
        attempt: last?.attempt ?? 1,
        agent: last?.agent ?? null,
        startedAt: last?.startedAt ?? null,
        endedAt: last?.endedAt ?? null,
      },
      image: job.image ?? null,
      ranOn: last?.ranOn ?? null,
      implicit: last?.implicit ?? false,
      script: { sha256: sha256(job.script), text: job.script },
      environment: job.env,
      sources: item.sources.map(({ id, url, hash }) => ({ id, url, hash })),
      patches: await Promise.all(
        item.patches.map(async (path) => ({ path, sha256: await this.#digestOfPatch(path) })),
      ),
      inputs: this.#inputsOf(job, views),
      commit: this.#options.commit,
    };
  }

  /** Artifacts of all that the job needs, directly or not. */
  #inputsOf(job: PlannedJob, views: ReadonlyMap<string, JobView>): Provenance["inputs"] {
    const needed = new Set(job.needs);
    for (const name of needed) for (const further of this.#jobs.get(name)?.needs ?? []) needed.add(further);
    return [...needed].flatMap((name) => {
      const artifact = views.get(name)?.artifact;
      const item = this.#jobs.get(name)?.package;
      if (artifact == null || item === undefined) return [];
      return [{ package: { name: item.name, version: item.version }, artifact: artifact.digest }];
    });
  }

  #digestOfPatch(path: string): Promise<string> {
    const digest = this.#patches.get(path) ?? digestOfFile(join(this.#options.root, path));
    this.#patches.set(path, digest);
    return digest;
  }
}

async function viewsOf(client: Client, run: string): Promise<ReadonlyMap<string, JobView>> {
  const views = new Map<string, JobView>();
  for await (const view of client.jobs(run)) views.set(view.job, view);
  return views;
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

async function digestOfFile(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const piece of createReadStream(path) as AsyncIterable<Buffer>) hash.update(piece);
  return hash.digest("hex");
}
