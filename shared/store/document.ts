/** JSON documents named by the SHA-256 of their bytes, for what is too large for a message. */
import { createHash } from "node:crypto";
import { MillraceError } from "../model/error.ts";
import { parseInSlices } from "./json-slices.ts";
import type { ObjectKind, ObjectOptions, Objects } from "./objects.ts";
import { withSecondReading } from "./second-reading.ts";

/** Stores a value; resolves with the digest to ask for it by. */
export async function putDocument(
  objects: Objects,
  kind: ObjectKind,
  value: unknown,
  options: ObjectOptions = {},
): Promise<string> {
  const bytes = Buffer.from(JSON.stringify(value));
  const digest = sha256(bytes);
  await objects.put(`${kind}/${digest}`, () => [bytes], options);
  return digest;
}

/** The value stored under a digest. Its shape is the caller's to validate. */
export async function getDocument(
  objects: Objects,
  kind: ObjectKind,
  digest: string,
  options: ObjectOptions = {},
): Promise<unknown> {
  const bytes = await withSecondReading(() => verifiedBytes(objects, kind, digest, options));
  return parseInSlices(bytes.toString());
}

/** The bytes of an object that is named by their digest; `corrupt` when they are others. */
export async function verifiedBytes(
  objects: Objects,
  kind: ObjectKind,
  digest: string,
  options: ObjectOptions = {},
): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of objects.get(`${kind}/${digest}`, options)) pieces.push(piece);
  const bytes = Buffer.concat(pieces);
  if (sha256(bytes) === digest) return bytes;
  throw new MillraceError("corrupt", `the bytes of ${kind}/${digest} do not match its digest`);
}

function sha256(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex");
}
