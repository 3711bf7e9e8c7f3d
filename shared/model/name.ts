/**
 * Names that users choose (jobs, agents) and what becomes of them in subjects and on disk.
 *
 * A NATS subject token may not hold dots, wildcards or white space, a folder name no slash. Both forms escape each
 * forbidden byte as `%XX`; `%` itself is escaped, so the mapping is injective and reversible by eye. A folder name
 * keeps dots inside (`zlib-1.3`), as versions are common there. What would pass 240 bytes, more than file systems
 * take, is cut and closed with `~` and the SHA-256 of the whole name; `~` is escaped elsewhere, so that form is
 * never met by chance.
 */
import { createHash } from "node:crypto";
import { z } from "zod";

const MAX_NAME_BYTES = 200;
const MAX_ESCAPED_BYTES = 240;
const KEPT_PREFIX_BYTES = 120;

/** A namespace or a run id: part of stream names, so short and plain. */
export const identifierPattern = /^[a-z0-9-]{1,40}$/;
export const identifierSchema = z
  .string()
  .regex(identifierPattern, "must be 1 to 40 characters of a-z, 0-9 and -");

/** Says what is wrong with a job's or agent's name, or nothing when it may be used. */
export function nameProblem(name: string): string | undefined {
  if (name.length === 0) return "a name must not be empty";
  if (Buffer.byteLength(name) > MAX_NAME_BYTES) return `a name must not exceed ${MAX_NAME_BYTES} bytes`;
  if (/\p{Cc}/u.test(name)) return "a name must not contain control characters";
  if (!name.isWellFormed()) return "a name must be valid Unicode";
  return undefined;
}

export const nameSchema = z.string().superRefine((name, context) => {
  const problem = nameProblem(name);
  if (problem !== undefined) context.addIssue({ code: "custom", message: problem });
});

/** The name as one token of a subject, e.g. `zlib-1.3` becomes `zlib-1%2E3`. */
export function subjectToken(name: string): string {
  return isPlain(name)
    ? name
    : bounded(name, escaped(name, /[^A-Za-z0-9_\-\u0080-\u{10ffff}]|\p{White_Space}/gu));
}

/** The name as one folder name; dots are kept except at the start. */
export function folderName(name: string): string {
  return isPlain(name) ? name : bounded(name, escaped(name, /^\.|[^A-Za-z0-9_\-.\u0080-\u{10ffff}]/gu));
}

function isPlain(name: string): boolean {
  return /^[A-Za-z0-9_-]{1,200}$/.test(name);
}

function escaped(name: string, forbidden: RegExp): string {
  return name.replace(forbidden, (character) =>
    [...Buffer.from(character)]
      .map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, "0")}`)
      .join(""),
  );
}

function bounded(name: string, token: string): string {
  if (Buffer.byteLength(token) <= MAX_ESCAPED_BYTES) return token;
  let prefix = "";
  for (const character of token) {
    if (Buffer.byteLength(prefix) + Buffer.byteLength(character) > KEPT_PREFIX_BYTES) break;
    prefix += character;
  }
  return `${prefix}~${createHash("sha256").update(name).digest("hex")}`;
}
