/**
 * An artifact's files as one stream of bytes: a tar whose entries are sorted, with no times and no owners.
 *
 * The digest is the name of what is stored, so everything is read for it first. Small files are packed while they are
 * read, and kept like that while there is room; what is not kept is read again while it is sent.
 *
 * Safe: what is packed has the digest that the manifest says, or packing fails.
 */
import { createHash, hash } from "node:crypto";
import type { Collected } from "./collect.ts";
import { comparePaths, type FileEntry, type ManifestEntry } from "./manifest.ts";
import { type KeepingRoom, PackedBytes } from "./packed-bytes.ts";
import { changed, SourceFile } from "./source-file.ts";
import { TAR_END, type TarHeader, tarHeader, tarPadding } from "./tar-writer.ts";
import { TimeSlice } from "./time-slice.ts";

/** What goes into an artifact, in the order of its manifest. */
export class Survey {
  readonly entries: ManifestEntry[] = [];
  readonly #root: string;
  readonly #packed: PackedBytes;
  /** Packed bytes, and files that are read again when they are sent. */
  readonly #parts: (Uint8Array | FileEntry)[] = [];

  private constructor(root: string, room: KeepingRoom) {
    this.#root = root;
    this.#packed = new PackedBytes(room);
  }

  /** Reads every file once and takes its digest. What it keeps is to be released. */
  static async of(root: string, collected: readonly Collected[], room: KeepingRoom): Promise<Survey> {
    const survey = new Survey(root, room);
    try {
      const slice = new TimeSlice();
      for (const found of [...collected].sort((a, b) => comparePaths(a.path, b.path))) {
        if (found.type === "file") await survey.#takeFile(found.path);
        else survey.#takeOther(found);
        if (slice.isOver) await slice.rest();
      }
      survey.#endPart();
      return survey;
    } catch (error) {
      survey.release();
      throw error;
    }
  }

  /** The tar; a piece is good until the next one is asked for. */
  async *tar(): AsyncGenerator<Uint8Array> {
    const slice = new TimeSlice();
    for (const part of this.#parts) {
      if (part instanceof Uint8Array) yield part;
      else yield* this.#readAgain(part);
      if (slice.isOver) await slice.rest();
    }
    yield TAR_END;
  }

  /** Gives the room of what is kept to others; a tar that is being sent goes on. */
  release(): void {
    this.#packed.release();
  }

  #takeOther(entry: Exclude<ManifestEntry, FileEntry>): void {
    this.entries.push(entry);
    const header = tarHeader(headerOf(entry));
    const place = this.#packed.take(header.length);
    if (place !== undefined) return place.set(header);
    this.#endPart();
    this.#parts.push(header);
  }

  async #takeFile(path: string): Promise<void> {
    const file = new SourceFile(this.#root, path);
    try {
      if (!(file.isSmall && this.#pack(file, path))) await this.#note(file, path);
    } finally {
      file.close();
    }
  }

  /** Packs a small file; says whether there was room. */
  #pack(file: SourceFile, path: string): boolean {
    const { size, executable } = file;
    const header = tarHeader({ path, type: "file", mode: modeOf(file), size });
    const padding = tarPadding(size);
    const place = this.#packed.take(header.length + size + padding.length);
    if (place === undefined) return false;
    const content = place.subarray(header.length, header.length + size);
    file.readTo(content);
    place.set(header);
    place.set(padding, header.length + size);
    this.entries.push({ path, type: "file", executable, size, sha256: hash("sha256", content, "hex") });
    return true;
  }

  async #note(file: SourceFile, path: string): Promise<void> {
    const { size, executable } = file;
    const digest = createHash("sha256");
    for await (const piece of file.pieces()) digest.update(piece);
    const entry: FileEntry = { path, type: "file", executable, size, sha256: digest.digest("hex") };
    this.entries.push(entry);
    this.#endPart();
    this.#parts.push(entry);
  }

  #endPart(): void {
    for (const bytes of this.#packed.cut()) this.#parts.push(bytes);
  }

  async *#readAgain(entry: FileEntry): AsyncGenerator<Uint8Array> {
    const file = new SourceFile(this.#root, entry.path);
    try {
      if (file.size !== entry.size || file.executable !== entry.executable) throw changed(entry.path);
      yield tarHeader(headerOf(entry));
      const digest = createHash("sha256");
      for await (const piece of file.pieces()) {
        digest.update(piece);
        yield piece;
      }
      if (digest.digest("hex") !== entry.sha256) throw changed(entry.path);
      yield tarPadding(entry.size);
    } finally {
      file.close();
    }
  }
}

function headerOf(entry: ManifestEntry): TarHeader {
  const { path, type } = entry;
  if (type === "link") return { path, type, mode: 0o777, size: 0, target: entry.target };
  if (type === "folder") return { path: `${path}/`, type, mode: 0o755, size: 0 };
  return { path, type, mode: modeOf(entry), size: entry.size };
}

function modeOf({ executable }: { readonly executable: boolean }): number {
  return executable ? 0o755 : 0o644;
}
