/**
 * Artifacts that jobs of this agent need, fetched once each. An attempt gets a copy of its own (a reflink where the
 * file system has them): a job that runs as root could write through a hard link, and what one job does to its inputs
 * must not reach another's.
 *
 * Invariants: (1) one fetch at a time per digest, and few of all, as each reads ahead. (2) what is being copied is not
 * removed. (3) the total stays under the limit, but for what is in use. (4) what is under its digest's name is whole: it
 * was verified before it came there, and is renamed before it is removed.
 */
import { constants, renameSync } from "node:fs";
import { cp, mkdir, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { isDiskFull } from "../core/host-trouble.ts";
import { makeReadOnly, removeTree } from "./folder-tree.ts";

/** Where artifacts come from. */
export interface ArtifactSource {
  download(digest: string, folder: string): Promise<void>;
}

interface Entry {
  readonly folder: Promise<string>;
  bytes: number;
  users: number;
}

const DEFAULT_LIMIT_BYTES = 4 * 2 ** 30;
const MAX_FETCHES = 16;

export class InputCache {
  readonly #root: string;
  readonly #source: ArtifactSource;
  readonly #limitBytes: number;
  /** The least recently used first. */
  readonly #entries = new Map<string, Entry>();
  #totalBytes = 0;
  #evicted = 0;
  #fetches = 0;
  /** Fetches that wait for their turn. */
  readonly #turns: (() => void)[] = [];

  private constructor(root: string, source: ArtifactSource, limitBytes: number) {
    this.#root = root;
    this.#source = source;
    this.#limitBytes = limitBytes;
  }

  /** An empty cache; what an earlier process had in the folder is removed, it may not be whole. */
  static async open(
    root: string,
    source: ArtifactSource,
    limitBytes = DEFAULT_LIMIT_BYTES,
  ): Promise<InputCache> {
    await removeTree(root);
    await mkdir(root, { recursive: true, mode: 0o700 });
    return new InputCache(root, source, limitBytes);
  }

  /** Copies an artifact to a folder that does not exist yet; on a full disk again, once nothing unused is kept. */
  async copyTo(digest: string, folder: string): Promise<void> {
    try {
      await this.#copyTo(digest, folder);
    } catch (error) {
      if (!isDiskFull(error)) throw error;
      await removeTree(folder);
      await this.evict();
      await this.#copyTo(digest, folder);
    }
  }

  /** Removes all that nobody uses at the moment. */
  async evict(): Promise<void> {
    await this.#shrink(0);
  }

  async #copyTo(digest: string, folder: string): Promise<void> {
    const entry = this.#use(digest);
    try {
      await cp(await entry.folder, folder, {
        recursive: true,
        verbatimSymlinks: true,
        mode: constants.COPYFILE_FICLONE,
      });
    } finally {
      entry.users -= 1;
    }
    await this.#shrink(this.#limitBytes);
  }

  /** Fetches ahead. A failure is not told here: the copy that needs it tries again and says it. */
  prefetch(digest: string): void {
    const entry = this.#use(digest);
    const done = () => {
      entry.users -= 1;
    };
    entry.folder.then(done, done);
  }

  async close(): Promise<void> {
    await Promise.allSettled([...this.#entries.values()].map(({ folder }) => folder));
    await removeTree(this.#root);
  }

  #use(digest: string): Entry {
    const known = this.#entries.get(digest);
    const entry = known ?? { folder: this.#fetchInTurn(digest), bytes: 0, users: 0 };
    entry.users += 1;
    this.#entries.delete(digest);
    this.#entries.set(digest, entry);
    if (known === undefined) {
      entry.folder.catch(() => {
        // The next user tries again; this one hears of it by its own await.
        this.#entries.delete(digest);
      });
    }
    return entry;
  }

  async #fetchInTurn(digest: string): Promise<string> {
    if (this.#fetches < MAX_FETCHES) this.#fetches += 1;
    else await new Promise<void>((resolve) => this.#turns.push(resolve));
    try {
      return await this.#fetch(digest);
    } finally {
      const next = this.#turns.shift();
      if (next === undefined) this.#fetches -= 1;
      else next();
    }
  }

  async #fetch(digest: string): Promise<string> {
    const folder = join(this.#root, digest);
    let bytes: number;
    try {
      await this.#source.download(digest, folder);
      await makeReadOnly(folder);
      bytes = await bytesIn(folder);
    } catch (error) {
      await removeTree(folder);
      throw error;
    }
    const entry = this.#entries.get(digest);
    if (entry !== undefined) entry.bytes = bytes;
    this.#totalBytes += bytes;
    return folder;
  }

  async #shrink(limitBytes: number): Promise<void> {
    for (const [digest, entry] of this.#entries) {
      if (this.#totalBytes <= limitBytes) return;
      if (entry.users > 0) continue;
      this.#entries.delete(digest);
      this.#totalBytes -= entry.bytes;
      // At once: whoever wants it from now on fetches it anew, under the same name.
      const doomed = join(this.#root, `evicted-${++this.#evicted}`);
      renameSync(join(this.#root, digest), doomed);
      await removeTree(doomed);
    }
  }
}

async function bytesIn(folder: string): Promise<number> {
  let bytes = 0;
  for (const entry of await readdir(folder, { withFileTypes: true, recursive: true })) {
    if (entry.isFile()) bytes += (await stat(join(entry.parentPath, entry.name))).size;
  }
  return bytes;
}
