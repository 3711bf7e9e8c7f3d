/**
 * Unpacks an artifact to a folder: written beside it, verified, then renamed, so the folder is there whole or not at
 * all. The tar is not trusted:
 *
 * 1. No entry is written before its path is known to stay inside, and none replaces another.
 * 2. Links are made last, after the manifest of what was written has the artifact's digest: no file is ever written
 *    through a link of the archive, and every byte, bit and target is verified.
 */
import { createHash, hash } from "node:crypto";
import { closeSync, fchmodSync, fstatSync, mkdirSync, openSync, symlinkSync, writeSync } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { nuid } from "nats";
import { asMillraceError, MillraceError } from "../model/error.ts";
import { GatheredWrites } from "./gathered-writes.ts";
import {
  encodeManifest,
  type Manifest,
  type ManifestEntry,
  makeManifest,
  manifestDigest,
} from "./manifest.ts";
import { foldersAbove, pathProblem } from "./safe-path.ts";
import { type TarEntry, tarEntries } from "./tar-entries.ts";
import { TimeSlice } from "./time-slice.ts";

/** Makes `folder` the artifact with this digest; it must not exist, or be empty. Read-only are its files, not its folders. */
export async function unpackFiles(
  digest: string,
  source: AsyncIterable<Uint8Array>,
  folder: string,
  { isReadOnly = false }: { readonly isReadOnly?: boolean } = {},
): Promise<Manifest> {
  const partial = `${folder}.${nuid.next()}.partial`;
  try {
    await mkdir(partial, { recursive: true });
    const manifest = await new Unpacking(partial, isReadOnly).take(source);
    const found = manifestDigest(encodeManifest(manifest));
    if (found !== digest) throw corrupt(digest, `its content has the digest ${found}`);
    for (const entry of manifest.entries) {
      if (entry.type === "link") symlinkSync(entry.target, join(partial, entry.path));
    }
    await rename(partial, folder);
    return manifest;
  } catch (error) {
    await rm(partial, { recursive: true, force: true });
    throw describe(error, digest, folder);
  }
}

class Unpacking {
  readonly #root: string;
  readonly #isReadOnly: boolean;
  readonly #entries: ManifestEntry[] = [];
  readonly #folders = new Set<string>();
  /** Whether the umask takes something away from a mode, as far as that was seen. */
  readonly #isCut = new Map<number, boolean>();
  readonly #slice = new TimeSlice();

  constructor(root: string, isReadOnly: boolean) {
    this.#root = root;
    this.#isReadOnly = isReadOnly;
  }

  async take(source: AsyncIterable<Uint8Array>): Promise<Manifest> {
    for await (const entry of tarEntries(source)) {
      this.#entries.push(await this.#takeEntry(entry));
      if (this.#slice.isOver) await this.#slice.rest();
    }
    return makeManifest(this.#entries);
  }

  async #takeEntry({ header, content }: TarEntry): Promise<ManifestEntry> {
    const path = header.name.replace(/\/$/, "");
    const problem = pathProblem(path);
    if (problem !== undefined) {
      throw new MillraceError("refused", `path ${JSON.stringify(path)} ${problem}`);
    }
    for (const folder of foldersAbove(path)) this.#makeFolder(folder);
    switch (header.type) {
      case "file":
        return await this.#takeFile(path, header, content);
      case "symlink":
        for await (const _ of content); // has none, but must be read to its end
        return { path, type: "link", target: header.linkname };
      case "directory":
        for await (const _ of content);
        this.#makeFolder(path);
        return { path, type: "folder" };
      default:
        throw new MillraceError("refused", `path ${JSON.stringify(path)} is a ${header.type}`);
    }
  }

  async #takeFile(
    path: string,
    header: TarEntry["header"],
    content: TarEntry["content"],
  ): Promise<ManifestEntry> {
    const executable = (header.mode & 0o100) !== 0;
    const { size } = header;
    const fd = this.#create(path, executable);
    try {
      const sha256 = Array.isArray(content) ? writeSmall(fd, content) : await writeLarge(fd, content);
      return { path, type: "file", executable, size, sha256 };
    } finally {
      closeSync(fd);
    }
  }

  #create(path: string, executable: boolean): number {
    const place = join(this.#root, path);
    if (!this.#isReadOnly) return openSync(place, "wx", executable ? 0o755 : 0o644);
    const mode = executable ? 0o555 : 0o444;
    const fd = openSync(place, "wx", mode);
    if (this.#isCut.get(mode) === false) return fd;
    const isCut = (fstatSync(fd).mode & 0o777) !== mode;
    this.#isCut.set(mode, isCut);
    if (isCut) fchmodSync(fd, mode);
    return fd;
  }

  #makeFolder(path: string): void {
    if (this.#folders.has(path)) return;
    mkdirSync(join(this.#root, path));
    this.#folders.add(path);
  }
}

function writeSmall(fd: number, pieces: readonly Uint8Array[]): string {
  const [first = Buffer.alloc(0)] = pieces;
  const whole = pieces.length > 1 ? Buffer.concat(pieces) : first;
  for (let written = 0; written < whole.length; ) written += writeSync(fd, whole, written);
  return hash("sha256", whole, "hex");
}

async function writeLarge(fd: number, content: TarEntry["content"]): Promise<string> {
  const digest = createHash("sha256");
  const writes = new GatheredWrites(fd);
  try {
    for await (const piece of content) {
      digest.update(piece);
      await writes.add(piece);
    }
    await writes.end();
  } finally {
    await writes.settled();
  }
  return digest.digest("hex");
}

function corrupt(digest: string, reason: string, cause?: unknown): MillraceError {
  return new MillraceError("corrupt", `artifact ${digest} is damaged: ${reason}`, {
    fix: "Run the job that made it again.",
    cause,
  });
}

function describe(error: unknown, digest: string, folder: string): MillraceError {
  if (error instanceof MillraceError) {
    if (error.code === "refused") return corrupt(digest, error.message, error);
    // Damaged bytes are often no tar any more, which is found before their digest is known.
    const isNamed = error.code !== "corrupt" || error.message.includes(digest);
    return isNamed ? error : corrupt(digest, "what is stored does not match its digest", error);
  }
  const code = (error as NodeJS.ErrnoException).code;
  if (code === "ENOTEMPTY") return new MillraceError("conflict", `folder ${folder} is not empty`);
  if (code === "EEXIST" || code === "ENOTDIR") return corrupt(digest, (error as Error).message);
  return asMillraceError(error, `cannot unpack artifact ${digest} to ${dirname(folder)}`);
}
