/**
 * Several artifacts put into one folder: their files lie side by side there. Two may bring the same file, as long as it
 * is the same in both.
 */
import { linkSync } from "node:fs";
import { lstat, mkdir, open, readlink } from "node:fs/promises";
import { join } from "node:path";
import { MillraceError } from "../../shared/model/error.ts";
import { TimeSlice } from "../../shared/store/time-slice.ts";
import type { ListedEntry } from "./folder-listing.ts";
import { copyEntry } from "./folder-tree.ts";

const COMPARED_BYTES = 64 * 1024;

/**
 * How files come there. `links`, which cost no more than their names, are for folders that nobody writes to: whoever
 * writes to a link writes to the artifact.
 */
export type Manner = "copies" | "links";

export class FlatFolder {
  readonly path: string;
  readonly #manner: Manner;
  /** Who brought what, by the path in the folder. */
  readonly #origins = new Map<string, string>();

  constructor(path: string, manner: Manner) {
    this.path = path;
    this.#manner = manner;
  }

  /** Takes all that is listed of a folder; `origin` says for people whose it is. */
  async add(
    source: string,
    entries: readonly ListedEntry[],
    origin: string,
    signal: AbortSignal,
  ): Promise<void> {
    const slice = new TimeSlice();
    for (const entry of entries) {
      signal.throwIfAborted();
      await this.#take(entry, `${source}/${entry.path}`, origin);
      if (slice.isOver) await slice.rest();
    }
  }

  /** Throws when another folder has something else under the same path. */
  async agreeWith(other: FlatFolder, signal: AbortSignal): Promise<void> {
    if (other.#origins.size < this.#origins.size) return await other.agreeWith(this, signal);
    const slice = new TimeSlice();
    for (const [path, origin] of this.#origins) {
      const others = other.#origins.get(path);
      if (others !== undefined && !(await isSame(join(this.path, path), join(other.path, path))))
        throw clash(path, origin, others);
      if (slice.isOver) await slice.rest();
      signal.throwIfAborted();
    }
  }

  /** A folder comes before what is in it, so what is above an entry is always a real folder of ours. */
  async #take(entry: ListedEntry, from: string, origin: string): Promise<void> {
    const to = `${this.path}/${entry.path}`;
    const isNew = await isMade(entry.kind === "folder" ? mkdir(to) : this.#put(entry, from, to));
    if (isNew) this.#origins.set(entry.path, origin);
    if (isNew || (await isSame(from, to))) return;
    throw clash(entry.path, this.#origins.get(entry.path) ?? "another artifact", origin);
  }

  async #put({ kind }: ListedEntry, from: string, to: string): Promise<void> {
    if (this.#manner === "copies") return await copyEntry(kind === "link", from, to);
    try {
      linkSync(from, to);
    } catch (error) {
      // A file has so many names at most (65,000 on ext4); nobody minds another one of the same content.
      if ((error as NodeJS.ErrnoException).code !== "EMLINK") throw error;
      await copyEntry(kind === "link", from, to);
    }
  }
}

function clash(path: string, first: string, second: string): MillraceError {
  const message = `${path} comes from ${first} and, with another content, from ${second}`;
  return new MillraceError("conflict", message, { fix: "Let one of them give its file another name." });
}

/** False where something else is there already. */
async function isMade(making: Promise<unknown>): Promise<boolean> {
  try {
    await making;
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EEXIST") return false;
    throw error;
  }
}

async function isSame(one: string, other: string): Promise<boolean> {
  const [a, b] = await Promise.all([lstat(one), lstat(other)]);
  if (a.ino === b.ino && a.dev === b.dev) return true;
  if (a.isSymbolicLink() && b.isSymbolicLink()) return (await readlink(one)) === (await readlink(other));
  if (a.isDirectory() && b.isDirectory()) return true;
  if (!a.isFile() || !b.isFile()) return false;
  return a.size === b.size && (a.mode & 0o100) === (b.mode & 0o100) && (await haveSameBytes(one, other));
}

async function haveSameBytes(one: string, other: string): Promise<boolean> {
  const files = await Promise.all([open(one), open(other)]);
  const [left, right] = [Buffer.alloc(COMPARED_BYTES), Buffer.alloc(COMPARED_BYTES)];
  try {
    for (;;) {
      const [{ bytesRead }, { bytesRead: others }] = await Promise.all([
        files[0].read(left, 0, COMPARED_BYTES, null),
        files[1].read(right, 0, COMPARED_BYTES, null),
      ]);
      if (bytesRead !== others || left.compare(right, 0, others, 0, bytesRead) !== 0) return false;
      if (bytesRead === 0) return true;
    }
  } finally {
    await Promise.all(files.map((file) => file.close()));
  }
}
