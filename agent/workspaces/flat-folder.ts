/**
 * Several artifacts put into one folder: their files lie side by side there. Two may bring the same file, as long as it
 * is the same in both.
 */
import type { Dirent } from "node:fs";
import { lstat, mkdir, open, readdir, readlink } from "node:fs/promises";
import { join } from "node:path";
import { MillraceError } from "../../shared/model/error.ts";
import { TimeSlice } from "../../shared/store/time-slice.ts";
import { copyEntry } from "./folder-tree.ts";

const COMPARED_BYTES = 64 * 1024;

export class FlatFolder {
  readonly #path: string;
  /** Who brought what, by the path in the folder. */
  readonly #origins = new Map<string, string>();

  constructor(path: string) {
    this.#path = path;
  }

  /** Copies all that is in a folder; `origin` says for people whose it is. */
  async add(source: string, origin: string, signal: AbortSignal): Promise<void> {
    const slice = new TimeSlice();
    for (const entry of await readdir(source, { withFileTypes: true, recursive: true })) {
      signal.throwIfAborted();
      const from = join(entry.parentPath, entry.name);
      await this.#take(entry, from, from.slice(source.length + 1), origin);
      if (slice.isOver) await slice.rest();
    }
  }

  /** A folder comes before what is in it, so what is above an entry is always a real folder of ours. */
  async #take(entry: Dirent, from: string, path: string, origin: string): Promise<void> {
    const to = join(this.#path, path);
    const isNew = await isMade(entry.isDirectory() ? mkdir(to) : copyEntry(entry, from, to));
    if (isNew) this.#origins.set(path, origin);
    if (isNew || (await isSame(from, to))) return;
    throw new MillraceError("conflict", `${path} ${this.#clash(path, origin)}`, {
      fix: "Let one of them give its file another name.",
    });
  }

  #clash(path: string, origin: string): string {
    const first = this.#origins.get(path) ?? "another artifact";
    return `comes from ${first} and, with another content, from ${origin}`;
  }
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
