/**
 * A parsed file with the place of every value: what the YAML and the JSON parser both give. Entries of a map are a
 * list in file order, so no key is lost or reordered, `__proto__` and `10` included.
 */
import type { Report } from "./source-text.ts";

export type SourceNode = SourceScalar | SourceList | SourceMap;

export interface SourceScalar {
  readonly kind: "scalar";
  readonly start: number;
  readonly value: string | number | boolean | null;
  /** As it is written; the same as the value when that is a string. */
  readonly text: string;
}

export interface SourceList {
  readonly kind: "list";
  readonly start: number;
  readonly items: SourceNode[];
}

export interface SourceMap {
  readonly kind: "map";
  readonly start: number;
  readonly entries: SourceEntry[];
}

export interface SourceEntry {
  readonly key: string;
  readonly keyStart: number;
  readonly value: SourceNode;
}

/** How deep lists and maps may lie in each other. */
export const MAX_DEPTH = 100;

/** Up to this many entries comparing each with each is cheaper than a set; nearly every map is that small. */
const SMALL_MAP = 8;

/** The value of a key, the first one if it is there twice. */
export function valueAt(map: SourceMap, key: string): SourceNode | undefined {
  return map.entries.find((entry) => entry.key === key)?.value;
}

/** Reports every key that is there already and takes its entry away. */
export function dropDuplicates(map: SourceMap, report: Report): void {
  const { entries } = map;
  if (!hasDuplicates(entries)) return;
  const seen = new Set<string>();
  const kept = entries.filter(({ key, keyStart }) => {
    if (seen.has(key)) {
      report(keyStart, `duplicate key ${JSON.stringify(key)}`);
      return false;
    }
    seen.add(key);
    return true;
  });
  entries.splice(0, entries.length, ...kept);
}

function hasDuplicates(entries: readonly SourceEntry[]): boolean {
  if (entries.length > SMALL_MAP) return new Set(entries.map(({ key }) => key)).size < entries.length;
  for (let later = 1; later < entries.length; later++) {
    for (let earlier = 0; earlier < later; earlier++) {
      if (entries[earlier]!.key === entries[later]!.key) return true;
    }
  }
  return false;
}

const SHOWN_TEXT = 40;

/** What a node is, for the end of a message. */
export function describeNode(node: SourceNode): string {
  switch (node.kind) {
    case "list":
      return node.items.length === 0 ? "an empty list" : "a list";
    case "map":
      return node.entries.length === 0 ? "an empty map" : "a map";
    case "scalar":
      if (node.value === null) return "nothing";
      return typeof node.value === "string" ? quoted(node.value) : node.text;
  }
}

/** A text in quotes, cut where it gets long. */
export function quoted(text: string): string {
  return JSON.stringify(text.length > SHOWN_TEXT ? `${text.slice(0, SHOWN_TEXT - 1)}…` : text);
}
