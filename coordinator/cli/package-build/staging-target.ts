/** Puts the artifacts of a build into its staging store, each with how it was made. */
import { join } from "node:path";
import type { Client } from "../../../shared/client/client.ts";
import { MillraceError } from "../../../shared/model/error.ts";
import type { Artifact } from "../../../shared/model/outcome.ts";
import type { Provenance } from "../../../shared/model/provenance.ts";
import type { PlannedJob } from "../../readers/packages/build-plan.ts";
import { digestOfFile, digestOfText } from "../../releases/content-digest.ts";
import { PackageStore } from "../../releases/package-store.ts";
import type { StagedArtifact } from "../../releases/release.ts";
import { type Making, stageArtifacts, stagingFolder } from "../../releases/staging.ts";
import type { ArtifactTarget } from "../artifact-copies.ts";
import { BuiltRun } from "./built-run.ts";

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

  /** Stages some at a time: each lot comes whole or not at all, and what is in memory does not grow with the build. */
  async take(
    client: Client,
    artifacts: ReadonlyMap<string, Artifact | null>,
    signal: AbortSignal,
  ): Promise<void> {
    const made = [...artifacts].flatMap(([job, artifact]) => this.#madeBy(job, artifact));
    if (made.length === 0) return;
    const built = await BuiltRun.read(client, this.#run, this.#options.jobs);
    for (const [image, ofImage] of byImage(made)) {
      const store = await this.#storeOf(image);
      for (const lot of lotsOf(ofImage)) {
        signal.throwIfAborted();
        const makings = await Promise.all(lot.map((one) => this.#making(one, built)));
        const { staged, conflicts } = await stageArtifacts(store, client, makings, built.graph.text);
        for (const { files } of staged) this.paths.push(...files.map(({ path }) => join(store.root, path)));
        this.conflicts.push(...conflicts.map(({ message }) => message));
      }
    }
  }

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

  /** A package without files has nothing to stage. */
  #madeBy(name: string, artifact: Artifact | null): Made[] {
    if (artifact === null) return [];
    const job = this.#jobs.get(name);
    if (job !== undefined) return [{ job, artifact }];
    throw new MillraceError("internal", `the build has no job ${JSON.stringify(name)}`);
  }

  async #making({ job, artifact }: Made, built: BuiltRun): Promise<Making> {
    const { package: item } = job;
    return {
      package: { name: item.name, version: item.version },
      artifact,
      ...built.executionOf(job.name),
      image: job.image ?? null,
      script: { sha256: digestOfText(job.script), text: job.script },
      environment: job.env,
      sources: item.sources.map(({ id, url, hash }) => ({ id, url, hash })),
      patches: await Promise.all(
        item.patches.map(async (path) => ({ path, sha256: await this.#digestOfPatch(path) })),
      ),
      inputs: this.#inputsOf(job, built),
      graph: built.graph.digest,
      commit: this.#options.commit,
    };
  }

  /** Artifacts of what the job needs in the first place. */
  #inputsOf(job: PlannedJob, built: BuiltRun): Provenance["inputs"] {
    return job.needs.flatMap((name) => {
      const artifact = built.artifactOf(name);
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

/** What a job has made. */
interface Made {
  readonly job: PlannedJob;
  readonly artifact: Artifact;
}

function byImage(made: readonly Made[]): Map<string | undefined, Made[]> {
  const groups = new Map<string | undefined, Made[]>();
  for (const one of made) {
    const group = groups.get(one.job.image);
    if (group === undefined) groups.set(one.job.image, [one]);
    else group.push(one);
  }
  return groups;
}

const LOT_ARTIFACTS = 500;
const LOT_FILES = 20_000;

/** Cuts a list where so many artifacts, or so many files, have come together. */
function* lotsOf(made: readonly Made[]): Generator<Made[]> {
  let lot: Made[] = [];
  let files = 0;
  for (const one of made) {
    lot.push(one);
    files += one.artifact.files;
    if (lot.length < LOT_ARTIFACTS && files < LOT_FILES) continue;
    yield lot;
    lot = [];
    files = 0;
  }
  if (lot.length > 0) yield lot;
}
