/** Puts the artifacts of a build into its staging store, each with how it was made. */
import { join } from "node:path";
import type { Client } from "../../../shared/client/client.ts";
import type { JobView } from "../../../shared/model/api.ts";
import { MillraceError } from "../../../shared/model/error.ts";
import type { Artifact } from "../../../shared/model/outcome.ts";
import type { BuiltGraph, Provenance } from "../../../shared/model/provenance.ts";
import type { PlannedJob } from "../../readers/packages/build-plan.ts";
import { digestOfFile, digestOfText } from "../../releases/content-digest.ts";
import { PackageStore } from "../../releases/package-store.ts";
import type { StagedArtifact } from "../../releases/release.ts";
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
  #built: Promise<Built> | undefined;
  #run = "";
  /** Of all files that were staged. */
  readonly paths: string[] = [];
  /** What could not be staged, as a file of another package is in its place; the others are not kept from theirs. */
  readonly conflicts: string[] = [];

  constructor(options: StagingOptions) {
    this.#options = options;
    this.#jobs = new Map(options.jobs.map((job) => [job.name, job]));
    this.#manyImages = new Set(options.jobs.map(({ image }) => image)).size > 1;
  }

  /** The run whose artifacts come; said before the first of them. */
  set run(run: string) {
    this.#run = run;
  }

  get run(): string {
    return this.#run;
  }

  get path(): string {
    return stagingFolder(this.#options.staging, this.#run);
  }

  async replace(client: Client, name: string, artifact: Artifact): Promise<void> {
    const job = this.#jobs.get(name);
    if (job === undefined)
      throw new MillraceError("internal", `the build has no job ${JSON.stringify(name)}`);
    this.#built ??= builtBy(client, this.#run, this.#options.jobs);
    const built = await this.#built;
    const making = await this.#making(client, job, artifact, built);
    const store = await this.#storeOf(job.image);
    try {
      const { files } = await stageArtifact(store, client, making, built.graph.text);
      this.paths.push(...files.map(({ path }) => join(store.root, path)));
    } catch (error) {
      if (!(error instanceof MillraceError) || error.code !== "conflict") throw error;
      this.conflicts.push(error.message);
    }
  }

  /** A package without files has nothing to stage. */
  async clear(): Promise<void> {}

  async close(): Promise<void> {}

  /** All that was staged, each with the store that it lies in. */
  async artifacts(): Promise<StagedArtifact[]> {
    const stores = await Promise.all(this.#stores.values());
    return stores.flatMap((store) => Array.from(store.artifacts(), (provenance) => ({ provenance, store })));
  }

  #storeOf(image: string | undefined): Promise<PackageStore> {
    const key = this.#manyImages ? image : undefined;
    const folder = stagingFolder(this.#options.staging, this.#run, key);
    const opened = this.#stores.get(key) ?? PackageStore.open(folder, Date.now(), { durable: false });
    this.#stores.set(key, opened);
    return opened;
  }

  async #making(
    client: Client,
    job: PlannedJob,
    artifact: Artifact,
    { views, graph }: Built,
  ): Promise<Making> {
    const { package: item } = job;
    return {
      package: { name: item.name, version: item.version },
      artifact,
      ...(await this.#execution(client, job.name, views.get(job.name))),
      image: job.image ?? null,
      script: { sha256: digestOfText(job.script), text: job.script },
      environment: job.env,
      sources: item.sources.map(({ id, url, hash }) => ({ id, url, hash })),
      patches: await Promise.all(
        item.patches.map(async (path) => ({ path, sha256: await this.#digestOfPatch(path) })),
      ),
      inputs: this.#inputsOf(job, views),
      graph: graph.digest,
      commit: this.#options.commit,
    };
  }

  /** The attempt that made the artifact: of a reused job, one of an earlier run, if that is still known. */
  async #execution(
    client: Client,
    job: string,
    view: JobView | undefined,
  ): Promise<Pick<Making, "made" | "ranOn" | "implicit">> {
    const reused = view?.reusedFrom ?? undefined;
    const executed = reused === undefined ? view : await earlierView(client, reused.run, reused.job);
    const number = reused?.attempt ?? view?.attempts.at(-1)?.attempt ?? 1;
    const attempt = executed?.attempts.find((known) => known.attempt === number);
    return {
      made: {
        run: reused?.run ?? this.#run,
        job: reused?.job ?? job,
        attempt: number,
        agent: reused?.agent ?? attempt?.agent ?? null,
        startedAt: attempt?.startedAt ?? null,
        endedAt: attempt?.endedAt ?? null,
      },
      ranOn: attempt?.ranOn ?? null,
      implicit: attempt?.implicit ?? false,
    };
  }

  /** Artifacts of what the job needs in the first place. */
  #inputsOf(job: PlannedJob, views: Built["views"]): Provenance["inputs"] {
    return job.needs.flatMap((name) => {
      const artifact = views.get(name)?.artifact?.digest;
      const item = this.#jobs.get(name)?.package;
      if (artifact === undefined || item === undefined) return [];
      return [{ package: { name: item.name, version: item.version }, artifact }];
    });
  }

  #digestOfPatch(path: string): Promise<string> {
    const digest = this.#patches.get(path) ?? digestOfFile(join(this.#options.root, path));
    this.#patches.set(path, digest);
    return digest;
  }
}

/** What a run has come to, read when it has ended. */
interface Built {
  readonly views: ReadonlyMap<string, JobView>;
  /** What needed what, as its artifacts have it beside them. */
  readonly graph: { readonly digest: string; readonly text: string };
}

async function builtBy(client: Client, run: string, jobs: readonly PlannedJob[]): Promise<Built> {
  const views = new Map<string, JobView>();
  for await (const view of client.jobs(run)) views.set(view.job, view);
  const place = new Map(jobs.map(({ name }, position) => [name, position]));
  const graph: BuiltGraph = {
    v: 1,
    jobs: jobs.map(({ name, package: item, needs }) => ({
      job: name,
      package: { name: item.name, version: item.version },
      artifact: views.get(name)?.artifact?.digest ?? null,
      needs: needs.flatMap((need) => place.get(need) ?? []),
    })),
  };
  const text = `${JSON.stringify(graph)}\n`;
  return { views, graph: { digest: digestOfText(text), text } };
}

/** Undefined where the run is no longer kept. */
async function earlierView(client: Client, run: string, job: string): Promise<JobView | undefined> {
  try {
    for await (const view of client.jobs(run, { job })) return view;
  } catch (error) {
    if (!(error instanceof MillraceError) || error.code !== "notFound") throw error;
  }
  return undefined;
}
