/**
 * The layout of a NATS object store (its specification is ADR-20): stream `OBJ_<bucket>`, an object's chunks on
 * `$O.<bucket>.C.<nuid>`, its meta entry, JSON, last on `$O.<bucket>.M.<name in padded base64url>`.
 */
import { z } from "zod";
import { MillraceError } from "../model/error.ts";
import type { ObjectInfo } from "./objects.ts";

/** Stream and subjects of one bucket. */
export class ObjectSubjects {
  readonly stream: string;
  readonly #root: string;

  constructor(bucket: string) {
    this.stream = `OBJ_${bucket}`;
    this.#root = `$O.${bucket}`;
  }

  chunks = (nuid: string): string => `${this.#root}.C.${nuid}`;
  meta = (name: string): string => `${this.#root}.M.${paddedBase64Url(Buffer.from(name))}`;
  metaAll = (): string => `${this.#root}.M.*`;
}

const metaSchema = z.looseObject({
  name: z.string(),
  bucket: z.string(),
  nuid: z.string(),
  size: z.number().int().min(0).default(0),
  chunks: z.number().int().min(0).default(0),
  digest: z.string().default(""),
  mtime: z.string().optional(),
  deleted: z.boolean().optional(),
  metadata: z.record(z.string(), z.string()).nullish(),
});

/** A meta entry as it is stored; what other clients put there beside these fields is kept. */
export type ObjectMeta = z.infer<typeof metaSchema>;

/** Reads a stored meta entry; `corrupt` when it is not one. */
export function parseMeta(name: string, bytes: Uint8Array): ObjectMeta {
  try {
    return metaSchema.parse(JSON.parse(Buffer.from(bytes).toString()));
  } catch (error) {
    throw new MillraceError("corrupt", `the entry of object ${name} cannot be read`, { cause: error });
  }
}

export function encodeMeta(meta: ObjectMeta): Uint8Array {
  return Buffer.from(JSON.stringify(meta));
}

/** What stays in place of an object that was removed. */
export function removedMeta(meta: ObjectMeta, mtime: string): ObjectMeta {
  return { ...meta, mtime, size: 0, chunks: 0, digest: "", deleted: true };
}

export function infoOf(meta: ObjectMeta): ObjectInfo {
  return { name: meta.name, bytes: meta.size, chunks: meta.chunks, digest: meta.digest };
}

/** The term in which an object was replaced; 0 for one that never was. */
export function termOf({ metadata }: ObjectMeta): number {
  return Number(metadata?.term ?? 0);
}

/** A SHA-256 as object stores write it. */
export function digestField(sha256: Buffer): string {
  return `SHA-256=${paddedBase64Url(sha256)}`;
}

function paddedBase64Url(bytes: Buffer): string {
  return bytes.toString("base64").replaceAll("+", "-").replaceAll("/", "_");
}
