/**
 * What an artifact consists of. Its digest is the SHA-256 of the manifest's canonical bytes, so two artifacts are the
 * same exactly when they have the same paths, executable bits, contents and link targets; times, owners and the way
 * they are packed do not count.
 *
 * Canonical bytes: JSON without white space, fields in the order given here, entries sorted by the UTF-8 bytes of
 * their paths. A folder is an entry only when nothing is in it.
 */
import { createHash } from "node:crypto";
import { z } from "zod";
import { MillraceError } from "../model/error.ts";
import { digestSchema } from "../model/job-spec.ts";
import type { Artifact } from "../model/outcome.ts";
import { foldersAbove, pathProblem, targetProblem } from "./safe-path.ts";

const fileSchema = z.strictObject({
  path: z.string(),
  type: z.literal("file"),
  executable: z.boolean(),
  size: z.number().int().min(0),
  sha256: digestSchema,
});
const linkSchema = z.strictObject({ path: z.string(), type: z.literal("link"), target: z.string() });
const folderSchema = z.strictObject({ path: z.string(), type: z.literal("folder") });
const entrySchema = z.discriminatedUnion("type", [fileSchema, linkSchema, folderSchema]);

/** The canonical form as data, also for readers in other languages. */
export const manifestSchema = z.strictObject({ v: z.literal(1), entries: z.array(entrySchema) });

export type FileEntry = z.infer<typeof fileSchema>;
export type ManifestEntry = z.infer<typeof entrySchema>;
export type Manifest = z.infer<typeof manifestSchema>;

/** Makes a manifest of entries in any order; throws `refused` when they cannot be one artifact. */
export function makeManifest(entries: readonly ManifestEntry[]): Manifest {
  const sorted = [...entries].sort((a, b) => comparePaths(a.path, b.path));
  const problem = entriesProblem(sorted);
  if (problem !== undefined) throw new MillraceError("refused", problem);
  return { v: 1, entries: sorted };
}

export function encodeManifest(manifest: Manifest): Uint8Array {
  return Buffer.from(JSON.stringify({ v: 1, entries: manifest.entries.map(canonicalEntry) }));
}

export function manifestDigest(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** Reads stored bytes: they must have the digest, and be a manifest whose paths stay inside. */
export function parseManifest(digest: string, bytes: Uint8Array): Manifest {
  if (manifestDigest(bytes) !== digest) throw corrupt(digest, "its bytes do not match the digest");
  let manifest: Manifest;
  try {
    manifest = manifestSchema.parse(JSON.parse(Buffer.from(bytes).toString()));
  } catch (cause) {
    throw corrupt(digest, "it is not a manifest", cause);
  }
  const problem = entriesProblem(manifest.entries);
  if (problem !== undefined) throw corrupt(digest, problem);
  return manifest;
}

/** What results and events say of an artifact. */
export function summarize(digest: string, manifest: Manifest): Artifact {
  const bytes = manifest.entries.reduce((sum, entry) => sum + (entry.type === "file" ? entry.size : 0), 0);
  return { digest, files: manifest.entries.length, bytes };
}

/** Orders paths by their UTF-8 bytes. */
export function comparePaths(a: string, b: string): number {
  return isAscii(a) && isAscii(b)
    ? a < b
      ? -1
      : Number(a > b)
    : Buffer.compare(Buffer.from(a), Buffer.from(b));
}

function isAscii(text: string): boolean {
  return /^[\0-\x7f]*$/.test(text);
}

/** Entries must be in order, once each, inside, and below nothing but folders. */
function entriesProblem(entries: readonly ManifestEntry[]): string | undefined {
  const folders = new Set<string>();
  for (const { path } of entries) {
    const problem = pathProblem(path);
    if (problem !== undefined) return `path ${JSON.stringify(path)} ${problem}`;
    for (const folder of foldersAbove(path)) folders.add(folder);
  }
  for (const [index, entry] of entries.entries()) {
    const { path } = entry;
    const before = entries[index - 1]?.path;
    if (path === before) return `path ${JSON.stringify(path)} is there twice`;
    if (before !== undefined && comparePaths(before, path) > 0) return "the entries are not in order";
    if (folders.has(path)) return `path ${JSON.stringify(path)} is a ${entry.type} with entries below it`;
    if (entry.type === "link") {
      const problem = targetProblem(path, entry.target);
      if (problem !== undefined) return `target ${JSON.stringify(entry.target)} of link ${path} ${problem}`;
    }
  }
  return undefined;
}

function canonicalEntry(entry: ManifestEntry): ManifestEntry {
  const { path, type } = entry;
  if (type === "folder") return { path, type };
  if (type === "link") return { path, type, target: entry.target };
  return { path, type, executable: entry.executable, size: entry.size, sha256: entry.sha256 };
}

function corrupt(digest: string, reason: string, cause?: unknown): MillraceError {
  return new MillraceError("corrupt", `manifest ${digest} cannot be used: ${reason}`, { cause });
}
