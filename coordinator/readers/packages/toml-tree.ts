/**
 * TOML to a source tree. The fast parser knows no places but that of a syntax error, so every node is at the start of
 * the file: who finds a mistake reads the file again with `toml-places.ts`, which takes four times as long.
 */
import { parse, TomlDate, TomlError, type TomlTable, type TomlValue } from "smol-toml";
import type { Report } from "../source-text.ts";
import { MAX_DEPTH, type SourceEntry, type SourceMap, type SourceNode } from "../source-tree.ts";

/** Parses a whole file. A syntax error is reported in its place; undefined then. */
export function readTomlTree(text: string, report: Report): SourceMap | undefined {
  let table: TomlTable;
  try {
    table = parse(text, { integersAsBigInt: "asNeeded", maxDepth: MAX_DEPTH });
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    report(offsetAt(text, error.line, error.column), `not valid TOML: ${explained(error.message)}`);
    return undefined;
  }
  return mapNode(table);
}

/** A scalar as the tree has it. What the model has no number for stays text: large whole numbers, dates. */
export function scalarNode(start: number, value: string | number | boolean | bigint): SourceNode {
  const plain = typeof value === "bigint" ? String(value) : value;
  return { kind: "scalar", start, value: plain, text: String(plain) };
}

function mapNode(table: TomlTable): SourceMap {
  const entries: SourceEntry[] = [];
  for (const [key, value] of Object.entries(table)) entries.push({ key, keyStart: 0, value: nodeOf(value) });
  return { kind: "map", start: 0, entries };
}

function nodeOf(value: TomlValue): SourceNode {
  if (Array.isArray(value)) return { kind: "list", start: 0, items: value.map(nodeOf) };
  if (value instanceof TomlDate) return scalarNode(0, value.toISOString());
  return typeof value === "object" ? mapNode(value) : scalarNode(0, value);
}

/** The first line of what the parser says, without its preface; the lines after it show the place. */
function explained(message: string): string {
  const [first = ""] = message.split("\n");
  return first.replace("Invalid TOML document: ", "");
}

function offsetAt(text: string, line: number, column: number): number {
  let start = 0;
  for (let current = 1; current < line; current++) start = text.indexOf("\n", start) + 1;
  return Math.min(text.length, start + column - 1);
}
