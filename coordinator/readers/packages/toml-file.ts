/** Reads one TOML file along a schema: fast where nothing is wrong, again with places where something is. */
import type { NodeReader } from "../schema-reader.ts";
import { decodeUtf8, type Problem, ProblemList } from "../source-text.ts";
import { readTomlPlaces } from "./toml-places.ts";
import { readTomlTree } from "./toml-tree.ts";

export type TomlReading<V> =
  | { readonly ok: true; readonly value: V }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/** Checks the bytes of a file; `file` is its name in messages. */
export function readTomlFile<V>(file: string, bytes: Uint8Array, read: NodeReader<V>): TomlReading<V> {
  const decoding = decodeUtf8(bytes);
  if (decoding.ok) return parseToml(file, decoding.text, read);
  const problems = new ProblemList(file, decoding.before);
  problems.report(decoding.before.length, "the file must be UTF-8 text; this byte is not");
  return { ok: false, problems: problems.list() };
}

/** Checks the text of a file. */
export function parseToml<V>(file: string, text: string, read: NodeReader<V>): TomlReading<V> {
  const syntax = new ProblemList(file, text);
  const tree = readTomlTree(text, syntax.report);
  if (tree === undefined) return { ok: false, problems: syntax.list() };
  const found = new ProblemList(file, text);
  const value = read(tree, found.report);
  if (found.isEmpty && value !== undefined) return { ok: true, value };
  const placed = new ProblemList(file, text);
  read(readTomlPlaces(text) ?? tree, placed.report);
  return { ok: false, problems: placed.list() };
}
