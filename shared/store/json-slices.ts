/**
 * Parses a long JSON text piece by piece, so that others have their turn in between: a list, or an object of which one
 * field is a long list of objects, as a graph's jobs. Whatever else it is, it is parsed in one go.
 *
 * A piece ends where one object follows another in the list: where an object begins with the same field as the list's
 * first one. Such a place may as well be inside of a string or of a nested list; then the piece does not parse, and a
 * longer one is tried. Safe: a piece that begins with a value of the list and parses as values is what the whole text
 * has there, as a parser of the whole would do the same up to its end.
 */
import { TimeSlice } from "./time-slice.ts";

/** Some milliseconds' work. */
const PIECE_CHARS = 256 * 1024;
/** Pieces that did not parse, one after the other, before the rest is parsed in one go. */
const MOST_TRIES = 8;

/** As `JSON.parse`, but for its time. */
export async function parseInSlices(text: string): Promise<unknown> {
  const list = findList(text);
  if (list === undefined) return JSON.parse(text);
  const slice = new TimeSlice();
  const values: unknown[] = [];
  let start = list.start;
  for (let end = pieceEnd(text, list); end !== undefined; end = pieceEnd(text, { ...list, start })) {
    for (const value of end.values) values.push(value);
    start = end.next;
    if (slice.isOver) await slice.rest();
  }
  const rest: unknown = JSON.parse(text.slice(0, list.start) + text.slice(start));
  await slice.rest();
  const last = list.field === undefined ? rest : (rest as Record<string, unknown>)[list.field];
  for (const value of last as unknown[]) values.push(value);
  return list.field === undefined ? values : Object.assign(rest as object, { [list.field]: values });
}

interface FoundList {
  /** Where its first object begins. */
  readonly start: number;
  /** The field that it is; undefined when it is the whole. */
  readonly field: string | undefined;
  /** What lies between two of its objects. */
  readonly between: string;
}

/** The first list of objects, where that is worth while. */
function findList(text: string): FoundList | undefined {
  if (text.length < 2 * PIECE_CHARS) return undefined;
  if (text.startsWith("[{")) return { start: 1, field: undefined, between: betweenObjects(text, 1) };
  const found = /"([a-z]+)":\[\{/.exec(text.slice(0, PIECE_CHARS));
  const field = found?.[1];
  if (found === null || field === undefined) return undefined;
  const start = found.index + found[0].length - 1;
  // Of the object itself, not of something in it: then closing it closes all.
  if (parsed(`${text.slice(0, start)}]}`) === undefined) return undefined;
  return { start, field, between: betweenObjects(text, start) };
}

/** With the name of the first field of the object at `start`, which those of nested lists seldom share. */
function betweenObjects(text: string, start: number): string {
  return `},${/^\{("[^"\\]{0,100}":)?/.exec(text.slice(start, start + 200))?.[0] ?? "{"}`;
}

/** The values of the next piece, and where the one after it begins; undefined when what is left is the last one. */
function pieceEnd(text: string, list: FoundList): { values: unknown[]; next: number } | undefined {
  const { start, between } = list;
  let from = start + PIECE_CHARS;
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const end = text.indexOf(between, from);
    if (end === -1) return undefined;
    const values = parsed(`[${text.slice(start, end + 1)}]`);
    if (values !== undefined) return { values: values as unknown[], next: end + 2 };
    from = end + 1;
  }
  return undefined;
}

/** Undefined for what is no JSON. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
