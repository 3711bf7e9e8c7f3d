/**
 * An artifact's files as one stream of bytes: a tar whose entries are sorted, with no times and no owners.
 *
 * The digest is the name of what is stored, so files are read for it first, and small ones kept; what is not kept is
 * read again while packing. Safe: what is packed has the digest that the manifest says, or packing fails.
 */
import { createHash, hash } from "node:crypto";
import type { Collected } from "./collect.ts";
import type { FileEntry, Manifest, ManifestEntry } from "./manifest.ts";
import { changed, SMALL_FILE_BYTES, SourceFile } from "./source-file.ts";
import { TAR_END, type TarHeader, tarEntry, tarHeader, tarPadding } from "./tar-writer.ts";
import { TimeSlice } from "./time-slice.ts";

/** The entries of a manifest to be, and the contents that need not be read again. */
export interface Survey {
  readonly entries: readonly ManifestEntry[];
  readonly kept: ReadonlyMap<string, Buffer>;
}

/** Bytes of small files that may be kept between the two readings, by all uploads of a process together. */
export interface KeepingRoom {
  bytes: number;
}

const NOTHING = Buffer.alloc(0);

/** Reads every file once and takes its digest. */
export async function survey(
  root: string,
  collected: readonly Collected[],
  room: KeepingRoom,
): Promise<Survey> {
  const entries: ManifestEntry[] = [];
  const kept = new Map<string, Buffer>();
  const slice = new TimeSlice();
  for (const found of collected) {
    if (found.type !== "file") {
      entries.push(found);
      continue;
    }
    const { path } = found;
    const file = new SourceFile(root, path);
    try {
      const { size, executable } = file;
      const content = file.isSmall ? file.readWhole() : undefined;
      const sha256 = content === undefined ? await digestOf(file) : hash("sha256", content, "hex");
      entries.push({ path, type: "file", executable, size, sha256 });
      if (content !== undefined && size <= room.bytes) {
        kept.set(path, content);
        room.bytes -= size;
      }
    } finally {
      file.close();
    }
    if (slice.isOver) await slice.rest();
  }
  return { entries, kept };
}

/** Gives back the room that a survey has taken. */
export function forget(kept: Survey["kept"], room: KeepingRoom): void {
  for (const content of kept.values()) room.bytes += content.length;
}

/** The tar of a manifest's entries. */
export async function* packFiles(
  root: string,
  manifest: Manifest,
  kept: Survey["kept"],
): AsyncGenerator<Uint8Array> {
  const slice = new TimeSlice();
  for (const entry of manifest.entries) {
    if (entry.type !== "file") {
      yield tarEntry(headerOf(entry), NOTHING);
    } else if (entry.size > SMALL_FILE_BYTES) {
      yield* packLarge(root, entry);
    } else {
      yield tarEntry(headerOf(entry), kept.get(entry.path) ?? readAgain(root, entry));
    }
    if (slice.isOver) await slice.rest();
  }
  yield TAR_END;
}

async function* packLarge(root: string, entry: FileEntry): AsyncGenerator<Uint8Array> {
  const digest = createHash("sha256");
  const file = openAgain(root, entry);
  try {
    yield tarHeader(headerOf(entry));
    for await (const piece of file.pieces()) {
      digest.update(piece);
      yield piece;
    }
    yield tarPadding(entry.size);
  } finally {
    file.close();
  }
  if (digest.digest("hex") !== entry.sha256) throw changed(entry.path);
}

function readAgain(root: string, entry: FileEntry): Buffer {
  const file = openAgain(root, entry);
  try {
    const content = file.readWhole();
    if (hash("sha256", content, "hex") !== entry.sha256) throw changed(entry.path);
    return content;
  } finally {
    file.close();
  }
}

function openAgain(root: string, entry: FileEntry): SourceFile {
  const file = new SourceFile(root, entry.path);
  if (file.size === entry.size && file.executable === entry.executable) return file;
  file.close();
  throw changed(entry.path);
}

function headerOf(entry: ManifestEntry): TarHeader {
  const { path, type } = entry;
  if (type === "link") return { path, type, mode: 0o777, size: 0, target: entry.target };
  if (type === "folder") return { path: `${path}/`, type, mode: 0o755, size: 0 };
  return { path, type, mode: entry.executable ? 0o755 : 0o644, size: entry.size };
}

async function digestOf(file: SourceFile): Promise<string> {
  const digest = createHash("sha256");
  for await (const piece of file.pieces()) digest.update(piece);
  return digest.digest("hex");
}
