/** Whether the file of a source is there and is the one that its package names. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { reasonOf } from "../../shared/model/error.ts";
import type { PackageSource } from "../readers/packages/package.ts";
import type { CachedSource } from "./source-cache.ts";

const PIECE_BYTES = 1024 * 1024;

export type SourceState =
  | { readonly kind: "right"; readonly bytes: number }
  | { readonly kind: "missing" }
  /** Its hash is another one. */
  | { readonly kind: "wrong"; readonly bytes: number; readonly actual: string }
  | { readonly kind: "unreadable"; readonly reason: string };

/** Reads the file to its end; never holds more than a piece of it. */
export async function checkSource(
  { path, source }: Pick<CachedSource, "path" | "source">,
  signal?: AbortSignal,
): Promise<SourceState> {
  try {
    const { hash: actual, bytes } = await hashOfFile(path, source.hash.type, signal);
    return actual === source.hash.hash.toLowerCase()
      ? { kind: "right", bytes }
      : { kind: "wrong", bytes, actual };
  } catch (error) {
    signal?.throwIfAborted();
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return { kind: "missing" };
    return { kind: "unreadable", reason: reasonOf(error) };
  }
}

async function hashOfFile(
  path: string,
  type: PackageSource["hash"]["type"],
  signal: AbortSignal | undefined,
): Promise<{ readonly hash: string; readonly bytes: number }> {
  const hash = createHash(type);
  let bytes = 0;
  const stream = createReadStream(path, { highWaterMark: PIECE_BYTES, ...(signal && { signal }) });
  for await (const piece of stream as AsyncIterable<Buffer>) {
    hash.update(piece);
    bytes += piece.length;
  }
  return { hash: hash.digest("hex"), bytes };
}

/** The state as what follows the name of the source in a sentence. */
export function describeState({ source }: Pick<CachedSource, "source">, state: SourceState): string {
  switch (state.kind) {
    case "right":
      return "is right";
    case "missing":
      return "is missing";
    case "wrong":
      return `has the ${source.hash.type} ${state.actual}, not ${source.hash.hash}`;
    case "unreadable":
      return `can't be read: ${state.reason}`;
  }
}
