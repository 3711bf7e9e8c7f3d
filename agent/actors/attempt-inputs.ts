/**
 * What an attempt finds when it starts: the artifacts of its needs, the files and the sources that came with its run. In
 * the layout `workspace` each need has a folder of its own, in the layout `package` all of it lies side by side: in layers
 * that it shares with other attempts until nothing of it is left, or in its own place where its runner takes no layers.
 */
import { setMaxListeners } from "node:events";
import { mkdirSync } from "node:fs";
import { cp } from "node:fs/promises";
import { join } from "node:path";
import { MillraceError } from "../../shared/model/error.ts";
import { type JobInput, type JobRequest, jobInputsSchema } from "../../shared/model/messages.ts";
import { folderName } from "../../shared/model/name.ts";
import { attemptKey } from "../core/attempt-key.ts";
import { isDiskFull } from "../core/host-trouble.ts";
import { packageNames } from "../runners/package-paths.ts";
import type { PackageLayers } from "../runners/runner.ts";
import { FlatFolder, type Manner } from "../workspaces/flat-folder.ts";
import { listFolder } from "../workspaces/folder-listing.ts";
import { makeOpenFolder, removeTree } from "../workspaces/folder-tree.ts";
import { unlessGivenUp } from "../workspaces/given-up.ts";
import type { InputCache } from "../workspaces/input-cache.ts";
import type { HeldLayers, InputLayers, WantedArtifact } from "../workspaces/input-layers.ts";
import { noteLayers } from "../workspaces/layer-note.ts";
import { withOrigin } from "../workspaces/origin.ts";
import type { Place } from "../workspaces/place.ts";

export interface AttemptInputsOptions {
  readonly cache: InputCache;
  readonly layers: InputLayers;
  /** How what lies side by side comes to a job with this image, or without one. */
  readonly mannerFor: (image: string | undefined) => Manner | "layers";
  /** Layers of attempts that an earlier process has left, by attempt. */
  readonly inherited: ReadonlyMap<string, readonly string[]>;
  /** Reads a JSON document by its digest. */
  readonly readDocument: (digest: string, signal: AbortSignal) => Promise<unknown>;
}

export class AttemptInputs {
  readonly #options: AttemptInputsOptions;
  /** What ends fetching ahead, by attempt. */
  readonly #ahead = new Map<string, AbortController>();
  /** By attempt. */
  readonly #layers = new Map<string, HeldLayers>();

  constructor(options: AttemptInputsOptions) {
    this.#options = options;
    for (const [key, names] of options.inherited) this.#layers.set(key, options.layers.inherit(names));
  }

  /** The layers that an attempt has been given; undefined where all is in its place. */
  layersOf(key: string): Omit<PackageLayers, "overlay"> | undefined {
    const held = this.#layers.get(key);
    return held && { folder: this.#options.layers.path, names: held.names };
  }

  /** Puts what it saw in layers into the place of an attempt that has ended, but for what it has changed itself. */
  async settle(key: string, { packageRoot }: Place): Promise<void> {
    for (const name of this.#layers.get(key)?.names ?? []) {
      const layer = join(this.#options.layers.path, name);
      await cp(layer, packageRoot, { recursive: true, force: false, verbatimSymlinks: true });
    }
  }

  /** Nothing of an attempt is left that would need its layers. */
  async release(key: string): Promise<void> {
    const layers = this.#layers.get(key);
    this.#layers.delete(key);
    await layers?.release();
  }

  /** Fetches ahead what a queued attempt will need. */
  prefetch(request: JobRequest): void {
    const { cache } = this.#options;
    const key = attemptKey(request);
    const digests = digestsOf(request).filter((digest) => !cache.expect(digest, key));
    if (digests.length === 0) return;
    const ahead = new AbortController();
    setMaxListeners(digests.length, ahead.signal);
    this.#ahead.set(key, ahead);
    const fetched = digests.map((digest) => cache.prefetch(digest, ahead.signal));
    void Promise.all(fetched).then(() => this.#ahead.delete(key));
  }

  /** Fetches nothing further ahead for an attempt. */
  endPrefetch(key: string): void {
    this.#ahead.get(key)?.abort();
  }

  /** Puts all of it into the attempt's place; rejects at once when the signal comes. */
  async fetch(request: JobRequest, place: Place, signal: AbortSignal): Promise<void> {
    signal.addEventListener("abort", () => this.endPrefetch(attemptKey(request)));
    const { sources, layout } = request.spec;
    const inputs =
      request.inputList === undefined ? request.inputs : await this.#readInputs(request.inputList, signal);
    const failed = new AbortController();
    const either = AbortSignal.any([signal, failed.signal]);
    setMaxListeners(digestsOf(request).length + inputs.length + 1, either);
    const copies = [
      ...(layout === "package"
        ? [this.#fillPackage(request, inputs, place, either)]
        : this.#takeInputs(request, inputs, place, either)),
      ...(sources === undefined
        ? []
        : [withOrigin("the run file's sources", this.#options.cache.copyTo(sources, place.sources, either))]),
    ];
    try {
      await Promise.all(copies);
    } finally {
      // When this has ended nothing writes to the place any more.
      failed.abort();
      await Promise.allSettled(copies);
    }
  }

  #takeInputs(
    request: JobRequest,
    inputs: readonly JobInput[],
    place: Place,
    signal: AbortSignal,
  ): Promise<void>[] {
    if (inputs.length > 0) mkdirSync(place.inputs, { mode: 0o700 });
    const key = attemptKey(request);
    return inputs.map(({ job, digest }) => {
      const taken = this.#options.cache.giveTo(digest, join(place.inputs, folderName(job)), key, signal);
      return withOrigin(`the artifact of ${job}`, taken);
    });
  }

  /** On a full disk once more, when nothing unused is kept. */
  async #fillPackage(
    request: JobRequest,
    inputs: readonly JobInput[],
    place: Place,
    signal: AbortSignal,
  ): Promise<void> {
    const fill = async (): Promise<void> => {
      makeOpenFolder(place.packageRoot);
      const wanted = wantedBy(request, inputs);
      const manner = this.#options.mannerFor(request.spec.image);
      if (manner === "layers") await this.#takeLayers(attemptKey(request), wanted, place, signal);
      else await this.#fill(wanted, place, manner, signal);
    };
    try {
      await fill();
    } catch (error) {
      if (!isDiskFull(error)) throw error;
      await removeTree(place.packageRoot);
      await this.#options.layers.evict();
      await fill();
    }
  }

  async #takeLayers(
    key: string,
    wanted: readonly WantedArtifact[],
    { control }: Place,
    signal: AbortSignal,
  ): Promise<void> {
    const held = await this.#options.layers.take(wanted, signal);
    this.#layers.set(key, held);
    try {
      noteLayers(control, held.names);
    } catch (error) {
      await this.release(key);
      throw error;
    }
  }

  async #fill(
    wanted: readonly WantedArtifact[],
    { packageRoot }: Place,
    manner: Manner,
    signal: AbortSignal,
  ): Promise<void> {
    for (const folder of ["inputs", "patches"] as const) {
      const path = join(packageRoot, packageNames[folder]);
      makeOpenFolder(path);
      const flat = new FlatFolder(path, manner);
      const taken = new Set<string>();
      for (const { digest, origin } of wanted.filter((one) => one.folder === folder)) {
        // An artifact that comes by two ways is there once.
        if (taken.has(digest)) continue;
        taken.add(digest);
        const put = this.#options.cache.read(digest, signal, async (cached) =>
          flat.add(cached, await listFolder(cached), origin, signal),
        );
        await withOrigin(origin, put);
      }
    }
  }

  async #readInputs(digest: string, signal: AbortSignal): Promise<JobInput[]> {
    const document = await unlessGivenUp(this.#options.readDocument(digest, signal), signal);
    const parsed = jobInputsSchema.safeParse(document);
    if (parsed.success) return parsed.data;
    throw new MillraceError("corrupt", `the object data/${digest} is no list of inputs`);
  }
}

/** Whether artifacts of other jobs are fetched for it. */
export function hasInputs(request: JobRequest): boolean {
  return request.inputs.length > 0 || request.inputList !== undefined;
}

/** Whether nothing has to be there before it starts but an empty workspace. */
export function needsNothing(request: JobRequest): boolean {
  return !hasInputs(request) && request.spec.sources === undefined && request.spec.layout !== "package";
}

function wantedBy({ spec: { files = [] } }: JobRequest, inputs: readonly JobInput[]): WantedArtifact[] {
  return [
    ...inputs.map(({ job, digest }) => ({
      digest,
      folder: "inputs" as const,
      isShared: true,
      origin: `the artifact of ${job}`,
    })),
    ...files.map((file) => ({ ...file, isShared: false, origin: "the files that came with the run" })),
  ];
}

function digestsOf({ inputs, spec: { sources, files = [] } }: JobRequest): string[] {
  const digests = [...inputs, ...files].map(({ digest }) => digest);
  return sources === undefined ? digests : [...digests, sources];
}
