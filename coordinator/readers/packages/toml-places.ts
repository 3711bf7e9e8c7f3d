/** TOML to a source tree with the place of every key and value, for files in which something is wrong. */
import { type AST, parseTOML } from "toml-eslint-parser";
import type { SourceList, SourceMap, SourceNode } from "../source-tree.ts";
import { scalarNode } from "./toml-tree.ts";

/** The same tree as the fast parser gives; undefined where the two do not agree that it is TOML. */
export function readTomlPlaces(text: string): SourceMap | undefined {
  let program: AST.TOMLProgram;
  try {
    program = parseTOML(text);
  } catch {
    // The other parser has accepted it, so its tree does, without places.
    return undefined;
  }
  const [{ body }] = program.body;
  const root: SourceMap = { kind: "map", start: 0, entries: [] };
  for (const node of body) {
    if (node.type === "TOMLKeyValue") addValue(root, node);
    else for (const pair of node.body) addValue(tableAt(root, node), pair);
    if (node.type === "TOMLTable" && node.body.length === 0) tableAt(root, node);
  }
  return root;
}

/** The node at a path of keys and positions; undefined where there is none. */
export function nodeAt(root: SourceNode, path: readonly (string | number)[]): SourceNode | undefined {
  let node: SourceNode | undefined = root;
  for (const step of path) {
    if (node?.kind === "map") node = node.entries.find(({ key }) => key === step)?.value;
    else node = node?.kind === "list" && typeof step === "number" ? node.items[step] : undefined;
  }
  return node;
}

/** The table that a header opens. `resolvedKey` counts the tables of an array. */
function tableAt(root: SourceMap, { key, resolvedKey, range }: AST.TOMLTable): SourceMap {
  let node: SourceNode = root;
  let named = 0;
  for (const [depth, step] of resolvedKey.entries()) {
    const place = key.keys[Math.min(named, key.keys.length - 1)]?.range[0] ?? range[0];
    if (typeof step === "string") named += 1;
    node = child(node, step, place, typeof resolvedKey[depth + 1] === "number" ? "list" : "map");
  }
  return node as SourceMap;
}

function addValue(table: SourceMap, { key, value }: AST.TOMLKeyValue): void {
  let node: SourceNode = table;
  for (const part of key.keys.slice(0, -1)) node = child(node, nameOf(part), part.range[0], "map");
  const last = key.keys.at(-1)!;
  if (node.kind === "map") {
    node.entries.push({ key: nameOf(last), keyStart: last.range[0], value: nodeOf(value) });
  }
}

function child(parent: SourceNode, step: string | number, start: number, kind: "map" | "list"): SourceNode {
  const known = nodeAt(parent, [step]);
  if (known !== undefined) return known;
  const made: SourceMap | SourceList =
    kind === "map" ? { kind, start, entries: [] } : { kind, start, items: [] };
  if (parent.kind === "map") parent.entries.push({ key: String(step), keyStart: start, value: made });
  else if (parent.kind === "list") parent.items.push(made);
  return made;
}

function nodeOf(node: AST.TOMLContentNode): SourceNode {
  const [start] = node.range;
  if (node.type === "TOMLArray") return { kind: "list", start, items: node.elements.map(nodeOf) };
  if (node.type === "TOMLInlineTable") {
    const table: SourceMap = { kind: "map", start, entries: [] };
    for (const pair of node.body) addValue(table, pair);
    return table;
  }
  if ("datetime" in node) return scalarNode(start, node.datetime);
  return scalarNode(start, node.value);
}

function nameOf(key: AST.TOMLBare | AST.TOMLQuoted): string {
  return key.type === "TOMLBare" ? key.name : key.value;
}
