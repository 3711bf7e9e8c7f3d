/**
 * What an attempt finds when it starts: the artifacts of its needs, the files and the sources that came with its run. In
 * the layout `workspace` each need has a folder of its own, in the layout `package` all of it lies side by side.
 */
import { setMaxListeners } from "node:events";
import { chmodSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { asMillraceError, MillraceError } from "../../shared/model/error.ts";
import { type JobInput, type JobRequest, jobInputsSchema } from "../../shared/model/messages.ts";
import { folderName } from "../../shared/model/name.ts";
import { attemptKey } from "../core/attempt-key.ts";
import { isDiskFull } from "../core/host-trouble.ts";
import { packageNames } from "../runners/package-paths.ts";
import { FlatFolder } from "../workspaces/flat-folder.ts";
import { removeTree } from "../workspaces/folder-tree.ts";
import { unlessGivenUp } from "../workspaces/given-up.ts";
import type { InputCache } from "../workspaces/input-cache.ts";
import type { Place } from "../workspaces/place.ts";

export interface AttemptInputsOptions {
  readonly cache: InputCache;
  /** Reads a JSON document by its digest. */
  readonly readDocument: (digest: string, signal: AbortSignal) => Promise<unknown>;
}

export class AttemptInputs {
  readonly #options: AttemptInputsOptions;
  /** What ends fetching ahead, by attempt. */
  readonly #ahead = new Map<string, AbortController>();

  constructor(options: AttemptInputsOptions) {
    this.#options = options;
  }

  /** Fetches ahead what a queued attempt will need. */
  prefetch(request: JobRequest): void {
    const [key, digests] = [attemptKey(request), digestsOf(request)];
    if (digests.length === 0) return;
    const ahead = new AbortController();
    setMaxListeners(digests.length, ahead.signal);
    this.#ahead.set(key, ahead);
    const fetched = digests.map((digest) => this.#options.cache.prefetch(digest, ahead.signal));
    void Promise.all(fetched).then(() => this.#ahead.delete(key));
  }

  /** Puts all of it into the attempt's place; rejects at once when the signal comes. */
  async fetch(request: JobRequest, place: Place, signal: AbortSignal): Promise<void> {
    const ahead = this.#ahead.get(attemptKey(request));
    signal.addEventListener("abort", () => ahead?.abort());
    const { sources, layout } = request.spec;
    const inputs =
      request.inputList === undefined ? request.inputs : await this.#readInputs(request.inputList, signal);
    const failed = new AbortController();
    const either = AbortSignal.any([signal, failed.signal]);
    setMaxListeners(digestsOf(request).length + inputs.length + 1, either);
    const copies = [
      ...(layout === "package"
        ? [this.#fillPackage(request, inputs, place, either)]
        : this.#copyInputs(inputs, place, either)),
      ...(sources === undefined
        ? []
        : [
            this.#naming(
              "the run file's sources",
              this.#options.cache.copyTo(sources, place.sources, either),
            ),
          ]),
    ];
    try {
      await Promise.all(copies);
    } finally {
      // When this has ended nothing writes to the place any more.
      failed.abort();
      await Promise.allSettled(copies);
    }
  }

  #copyInputs(inputs: readonly JobInput[], place: Place, signal: AbortSignal): Promise<void>[] {
    if (inputs.length > 0) mkdirSync(place.inputs, { mode: 0o700 });
    return inputs.map(({ job, digest }) => {
      const copied = this.#options.cache.copyTo(digest, join(place.inputs, folderName(job)), signal);
      return this.#naming(`the artifact of ${job}`, copied);
    });
  }

  /** On a full disk once more, when nothing unused is kept. */
  async #fillPackage(
    request: JobRequest,
    inputs: readonly JobInput[],
    place: Place,
    signal: AbortSignal,
  ): Promise<void> {
    try {
      await this.#fill(request, inputs, place, signal);
    } catch (error) {
      if (!isDiskFull(error)) throw error;
      await removeTree(place.packageRoot);
      await this.#options.cache.evict();
      await this.#fill(request, inputs, place, signal);
    }
  }

  async #fill(
    { spec: { files = [] } }: JobRequest,
    inputs: readonly JobInput[],
    { packageRoot }: Place,
    signal: AbortSignal,
  ): Promise<void> {
    makeOpenFolder(packageRoot);
    const wanted = [
      ...inputs.map(({ job, digest }) => ({
        digest,
        folder: "inputs" as const,
        origin: `the artifact of ${job}`,
      })),
      ...files.map((file) => ({ ...file, origin: "the files that came with the run" })),
    ];
    for (const folder of ["inputs", "patches"] as const) {
      const path = join(packageRoot, packageNames[folder]);
      makeOpenFolder(path);
      const flat = new FlatFolder(path);
      const taken = new Set<string>();
      for (const { digest, origin } of wanted.filter((one) => one.folder === folder)) {
        // An artifact that comes by two ways is there once.
        if (taken.has(digest)) continue;
        taken.add(digest);
        const copied = this.#options.cache.read(digest, signal, (cached) => flat.add(cached, origin, signal));
        await this.#naming(origin, copied);
      }
    }
  }

  /** Names what could not be fetched by the job that made it, as people know it. */
  async #naming(what: string, copied: Promise<void>): Promise<void> {
    try {
      await copied;
    } catch (error) {
      const { code, message, fix } = asMillraceError(error, "it could not be copied");
      const detail = fix === undefined ? { cause: error } : { cause: error, fix };
      throw new MillraceError(code, `${what}: ${message}`, detail);
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

function digestsOf({ inputs, spec: { sources, files = [] } }: JobRequest): string[] {
  const digests = [...inputs, ...files].map(({ digest }) => digest);
  return sources === undefined ? digests : [...digests, sources];
}

/** In a container it becomes a folder of the root's: whoever runs there is to see it, whatever the agent's umask. */
function makeOpenFolder(path: string): void {
  mkdirSync(path);
  chmodSync(path, 0o755);
}
