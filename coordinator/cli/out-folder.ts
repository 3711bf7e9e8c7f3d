/**
 * The folder that `--out` names: `<out>/<job>/<path>`, where each job's folder is replaced whole.
 *
 * What makes it safe: only a folder listed in `<out>/.millrace-out` is ever replaced or removed. A folder is listed
 * before it is made, and lines are only appended, so neither a crash nor two commands at once lose one. An artifact
 * is put together in `<out>/.millrace-partial` and renamed into place, so a job's folder is never half there.
 *
 * Invariants:
 * 1. A path below `--out` that this class did not list is never written to, renamed or removed.
 * 2. `<out>/<job>` is absent, the old artifact or the new one.
 */
import { appendFile, lstat, mkdir, readdir, readFile, rename, rm, rmdir } from "node:fs/promises";
import { join } from "node:path";
import type { ArtifactSource, Client } from "../../shared/client/client.ts";
import { MillraceError } from "../../shared/model/error.ts";
import { folderName } from "../../shared/model/name.ts";
import type { Artifact } from "../../shared/model/outcome.ts";
import { inCrew } from "../sources/crew.ts";
import type { ArtifactTarget } from "./artifact-copies.ts";

const LIST = ".millrace-out";
const PARTIAL = ".millrace-partial";
const COPIED_AT_A_TIME = 4;

/** Whose folders are jobs' artifacts. */
export class OutFolder implements ArtifactTarget {
  readonly path: string;
  readonly #ours: Set<string>;
  #partials = 0;

  private constructor(path: string, ours: Set<string>) {
    this.path = path;
    this.#ours = ours;
  }

  /** Reads which folders are ours; makes nothing. */
  static async open(path: string): Promise<OutFolder> {
    const list = await readFile(join(path, LIST), "utf8").catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return "";
      throw new MillraceError("badInput", `${path} can't be used for artifacts: ${error.message}`, {
        fix: "Name another folder with --out, or use --no-out.",
        cause: error,
      });
    });
    return new OutFolder(path, new Set(list.split("\n").filter((line) => line !== "")));
  }

  /** Throws `badInput` when there is something in the place of a job's folder that we did not write. */
  async refuseStrangers(jobs: Iterable<string>): Promise<void> {
    const present = new Set(await readdir(this.path).catch(() => [] as string[]));
    for (const job of jobs) {
      const folder = folderName(job);
      if (present.has(folder) && !this.#ours.has(folder)) throw this.#stranger(folder);
    }
  }

  /** Replaces the folder of each job by its artifact, and removes that of a job without one. */
  async take(
    client: Client,
    artifacts: ReadonlyMap<string, Artifact | null>,
    signal: AbortSignal,
  ): Promise<void> {
    try {
      await inCrew(COPIED_AT_A_TIME, [...artifacts], async ([job, artifact]) => {
        signal.throwIfAborted();
        await (artifact === null ? this.clear(job) : this.replace(client, job, artifact));
      });
    } finally {
      await this.close();
    }
  }

  /** Replaces the job's folder by its artifact. */
  async replace(client: Client, job: string, artifact: ArtifactSource): Promise<void> {
    const folder = folderName(job);
    const target = join(this.path, folder);
    await mkdir(join(this.path, PARTIAL), { recursive: true });
    await this.#claim(folder, target);
    const partial = join(this.path, PARTIAL, `${process.pid}-${this.#partials++}`);
    try {
      await client.downloadArtifact(artifact, partial);
      await rm(target, { recursive: true, force: true });
      await rename(partial, target);
    } finally {
      await rm(partial, { recursive: true, force: true });
    }
  }

  /** Removes the folder of a job that has no artifact any more, if it is ours. */
  async clear(job: string): Promise<void> {
    const folder = folderName(job);
    if (this.#ours.has(folder)) await rm(join(this.path, folder), { recursive: true, force: true });
  }

  /** Takes the place of unfinished artifacts away again. */
  async close(): Promise<void> {
    await rmdir(join(this.path, PARTIAL)).catch(() => {
      // It is not there, or another command is using it.
    });
  }

  async #claim(folder: string, target: string): Promise<void> {
    if (this.#ours.has(folder)) return;
    if ((await lstat(target).catch(() => undefined)) !== undefined) throw this.#stranger(folder);
    await appendFile(join(this.path, LIST), `${folder}\n`);
    this.#ours.add(folder);
  }

  #stranger(folder: string): MillraceError {
    return new MillraceError(
      "badInput",
      `${join(this.path, folder)} is there and was not written by millrace`,
      {
        fix: "Move it away, name another folder with --out, or use --no-out.",
      },
    );
  }
}
