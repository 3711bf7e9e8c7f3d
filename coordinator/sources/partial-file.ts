/**
 * A source while it is being fetched: a hidden file beside the place where it belongs, so that what is there under the
 * source's own name is whole and right, always.
 *
 * States of the file, told by its name: at rest (`.<id>.source.<hash>.part`), held (`….<token>.<holder>.part`). One who
 * fetches takes what is at rest, what was held by a process of this host that has ended, or what its holder, who may be on
 * another host, has not touched for so long that he must be gone. He takes it by renaming it: of two only one succeeds, on
 * shared file systems, too. The name has the wanted hash, so bytes of an earlier version of the source are not continued.
 * Where they come from does not matter: the whole is judged by its hash.
 */
import { randomBytes } from "node:crypto";
import { type FileHandle, mkdir, open, readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { hasEnded, identityOf } from "../../shared/host/process-identity.ts";
import type { CachedSource } from "./source-cache.ts";

/** Longer than a holder ever waits between two pieces or two attempts. */
const ABANDONED_AFTER_MS = 180_000;
const HASH_CHARACTERS = 16;

export class PartialFile {
  readonly path: string;
  /** Where its first bytes have come from, and what names that file there; unknown after a takeover. */
  origin: { readonly address: string; readonly validator: string | undefined } | undefined;
  readonly #file: FileHandle;
  readonly #rest: string;
  #size: number;
  #inherited: number;

  private constructor(path: string, rest: string, file: FileHandle, size: number) {
    this.path = path;
    this.#rest = rest;
    this.#file = file;
    this.#size = size;
    this.#inherited = size;
  }

  /** Takes over what an earlier fetch of the same source left, or begins with nothing. Makes the folder. */
  static async take(
    { folder, file, source }: CachedSource,
    { nowMs, pid }: { readonly nowMs: number; readonly pid: number },
  ): Promise<PartialFile> {
    await mkdir(folder, { recursive: true });
    const stem = `.${file}.${source.hash.hash.toLowerCase().slice(0, HASH_CHARACTERS)}`;
    const holder = (await identityOf(pid)) ?? "unknown";
    const own = join(folder, `${stem}.${randomBytes(6).toString("hex")}.${holder}.part`);
    let isTaken = false;
    for (const path of await unheld(folder, stem, nowMs)) {
      if (isTaken) await rm(path, { force: true });
      else isTaken = await tryRename(path, own);
    }
    const handle = await open(own, "a+");
    const { size } = await handle.stat();
    return new PartialFile(own, join(folder, `${stem}.part`), handle, size);
  }

  get size(): number {
    return this.#size;
  }

  /** Bytes in it that an earlier fetch has brought. */
  get inherited(): number {
    return this.#inherited;
  }

  /** Tells others that it is being worked on, while nothing is written. */
  async touch(now: Date): Promise<void> {
    await this.#file.utimes(now, now);
  }

  async truncate(): Promise<void> {
    await this.#file.truncate(0);
    this.#size = 0;
    this.#inherited = 0;
  }

  async append(piece: Uint8Array): Promise<void> {
    await this.#file.appendFile(piece);
    this.#size += piece.length;
  }

  /** The whole is there and right: puts it where it belongs, in one step. */
  async finish(path: string): Promise<void> {
    await this.#file.sync();
    await this.#file.close();
    await rename(this.path, path);
  }

  /** Leaves what is there for the next one. */
  async leave(): Promise<void> {
    await this.#file.close();
    if (this.#size === 0) await rm(this.path, { force: true });
    else await rename(this.path, this.#rest);
  }
}

/** What nobody works on, the one with the most bytes first. */
async function unheld(folder: string, stem: string, nowMs: number): Promise<string[]> {
  const found: { readonly path: string; readonly size: number }[] = [];
  for (const name of await readdir(folder)) {
    if (!name.startsWith(`${stem}.`) || !name.endsWith(".part")) continue;
    const path = join(folder, name);
    const status = await stat(path).catch(() => undefined);
    if (status === undefined) continue;
    const isAtRest = name === `${stem}.part`;
    const isAbandoned = nowMs - status.mtimeMs > ABANDONED_AFTER_MS;
    if (isAtRest || isAbandoned || (await hasEnded(holderIn(name)))) found.push({ path, size: status.size });
  }
  return found.sort((left, right) => right.size - left.size).map(({ path }) => path);
}

function holderIn(name: string): string {
  return name.split(".").at(-2) ?? "";
}

async function tryRename(from: string, to: string): Promise<boolean> {
  return await rename(from, to).then(
    () => true,
    () => false,
  );
}
