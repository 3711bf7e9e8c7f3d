/**
 * Marks: lines of a job's log that say how far it is and how it ends, in the form that butido has given them.
 *
 *     #BUTIDO:PROGRESS:40   #BUTIDO:PHASE:build   #BUTIDO:STATE:OK   #BUTIDO:STATE:ERR:no compiler
 *
 * A mark begins a line. Its text goes to the end of the line; one that begins with a quote goes to the next one. What
 * follows a quoted text, a number or OK in its line counts for nothing. A line that is none of these is a line of the
 * log, and not UTF-8 is no mistake.
 *
 * Invariant: however the bytes of a log are divided, the same marks are found. Of a line at most MAX_LINE_BYTES are held.
 */
import { z } from "zod";

const MARK = Buffer.from("#BUTIDO:");
const MARK_ON_NEW_LINE = Buffer.from("\n#BUTIDO:");
const NEW_LINE = 10;
const MAX_LINE_BYTES = 8 * 1024;
const MAX_PHASE_CHARS = 200;
const MAX_ERROR_CHARS = 1000;

/** What the marks of a log have said so far, and where in it the next bytes belong. Plain data. */
export const markedLogSchema = z.object({
  readBytes: z.number().int().min(0),
  /** The beginning of a line that may be a mark, in base64; null within any other line. */
  line: z.string().nullable(),
  phase: z.string().nullable(),
  percent: z.number().int().min(0).max(100).nullable(),
  saysOk: z.boolean(),
  /** The first error. */
  error: z.string().nullable(),
});
export type MarkedLog = z.infer<typeof markedLogSchema>;

export type Mark =
  | { readonly kind: "progress"; readonly percent: number }
  | { readonly kind: "phase"; readonly phase: string }
  | { readonly kind: "ok" }
  | { readonly kind: "error"; readonly message: string };

/** A log of which nothing has been read. */
export function unreadLog(): MarkedLog {
  return { readBytes: 0, line: "", phase: null, percent: null, saysOk: false, error: null };
}

/** Reads the next bytes. Says whether a mark has changed anything. */
export function readMarks(log: MarkedLog, bytes: Uint8Array): boolean {
  const chunk = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  let changed = false;
  let at = 0;
  while (at < chunk.length) {
    if (log.line === null) {
      at = toNextCandidate(log, chunk, at);
      continue;
    }
    // Most lines are none: they are passed over without being taken out.
    if (log.line === "" && !mayBeMark(chunk.subarray(at, at + MARK.length))) {
      log.line = null;
      continue;
    }
    const end = chunk.indexOf(NEW_LINE, at);
    const line = Buffer.concat([
      Buffer.from(log.line, "base64"),
      chunk.subarray(at, end === -1 ? chunk.length : end),
    ]).subarray(0, MAX_LINE_BYTES);
    at = end === -1 ? chunk.length : end + 1;
    if (end === -1) log.line = mayBeMark(line) ? line.toString("base64") : null;
    else {
      log.line = "";
      changed = take(log, line) || changed;
    }
  }
  log.readBytes += bytes.length;
  return changed;
}

/** The log has ended, with a line or within one. Says whether a mark has changed anything. */
export function endMarks(log: MarkedLog): boolean {
  const line = Buffer.from(log.line ?? "", "base64");
  log.line = "";
  return take(log, line);
}

/** The bytes up to a place are gone: what follows begins a new line. */
export function skipMarks(log: MarkedLog, readBytes: number): void {
  log.readBytes = readBytes;
  log.line = "";
}

/** The mark that a line is, or nothing. */
export function markIn(line: Uint8Array): Mark | undefined {
  const text = Buffer.from(line.buffer, line.byteOffset, line.length).toString();
  const [, kind, value = ""] = /^#BUTIDO:(PROGRESS:|PHASE:|STATE:ERR:|STATE:OK)([^\r]*)/.exec(text) ?? [];
  switch (kind) {
    case "PROGRESS:": {
      const [digits] = /^[0-9]+/.exec(value) ?? [];
      return digits === undefined ? undefined : { kind: "progress", percent: Math.min(100, Number(digits)) };
    }
    case "PHASE:":
      return { kind: "phase", phase: textIn(value).slice(0, MAX_PHASE_CHARS) };
    case "STATE:ERR:":
      return { kind: "error", message: textIn(value).slice(0, MAX_ERROR_CHARS) };
    case "STATE:OK":
      return { kind: "ok" };
    default:
      return undefined;
  }
}

/** From within a line that is no mark to behind the chunk, or to the start of a line that may be one. */
function toNextCandidate(log: MarkedLog, chunk: Buffer, at: number): number {
  const found = chunk.indexOf(MARK_ON_NEW_LINE, at);
  if (found !== -1) {
    log.line = "";
    return found + 1;
  }
  const last = chunk.lastIndexOf(NEW_LINE);
  const rest = chunk.subarray(last + 1, last + 1 + MAX_LINE_BYTES);
  if (last >= at && mayBeMark(rest)) log.line = rest.toString("base64");
  return chunk.length;
}

function mayBeMark(line: Buffer): boolean {
  const length = Math.min(line.length, MARK.length);
  return line.compare(MARK, 0, length, 0, length) === 0;
}

function take(log: MarkedLog, line: Buffer): boolean {
  const mark = mayBeMark(line) && line.length > MARK.length ? markIn(line) : undefined;
  switch (mark?.kind) {
    case undefined:
      return false;
    case "progress":
      log.percent = mark.percent;
      return true;
    case "phase":
      log.phase = mark.phase;
      return true;
    case "ok":
      log.saysOk = true;
      return true;
    case "error":
      log.error ??= mark.message;
      return true;
  }
}

const escapes = new Map([
  ["\\", "\\"],
  ["/", "/"],
  ['"', '"'],
  ["b", "\b"],
  ["f", "\f"],
  ["n", "\n"],
  ["r", "\r"],
  ["t", "\t"],
]);

/** A backslash that begins no escape stands for itself. */
function textIn(value: string): string {
  const [, quoted] = /^"((?:[^"\\]|\\.?)*)/.exec(value) ?? [];
  return (quoted ?? value).replace(/\\(.)/g, (all, escaped: string) => escapes.get(escaped) ?? all);
}
