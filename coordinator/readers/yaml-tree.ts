/**
 * YAML 1.2 (core schema) to a source tree, from the parser's flat list of events in one pass.
 *
 * A frame stands for each open list or map. An anchor names a finished node, an alias puts the same node in another
 * place, so the tree is a graph without cycles and costs what is written; whoever walks it pays for what it stands
 * for, which is why that is counted here and bounded. Merge keys (`<<`) are resolved when their map closes.
 *
 * 1. Keys are always text as it is written: `1.10: …` is the key "1.10".
 * 2. A key of a map beats a merged one, an earlier merged one beats a later one.
 * 3. What aliases stand for never exceeds MAX_ALIASED_NODES nodes in all.
 */
import {
  EVENT_ID,
  type Event,
  getScalarValue,
  parseEvents,
  SCALAR_STYLE,
  type ScalarEvent,
  YAMLException,
} from "js-yaml";
import type { Report } from "./source-text.ts";
import {
  dropDuplicates,
  MAX_DEPTH,
  type SourceEntry,
  type SourceMap,
  type SourceNode,
} from "./source-tree.ts";
import { isCoreTag, plainScalar, type ScalarValue, taggedScalar, unknownTag } from "./yaml-scalar.ts";
import { explainSyntaxError } from "./yaml-syntax.ts";

/** Guards against files that stand for far more than they hold. */
const MAX_ALIASED_NODES = 2_000_000;

interface Key {
  readonly text: string;
  readonly start: number;
  /** `bad` was reported and its value goes nowhere. */
  readonly kind: "plain" | "merge" | "bad";
}

interface Frame {
  readonly node: Exclude<SourceNode, { kind: "scalar" }>;
  readonly anchor: string | undefined;
  /** It stands where a key should: read to its end, then forgotten. */
  readonly isKey: boolean;
  /** Nodes that this one stands for so far, itself and those behind aliases included. */
  weight: number;
  key: Key | undefined;
  readonly merged: SourceMap[];
}

interface Anchor {
  readonly node: SourceNode;
  readonly weight: number;
}

/** Parses a whole file. Mistakes are reported; undefined when there is no tree to go on with. */
export function readYamlTree(text: string, report: Report): SourceNode | undefined {
  let events: Event[];
  try {
    events = parseEvents(text, { maxDepth: MAX_DEPTH });
  } catch (error) {
    if (!(error instanceof YAMLException)) throw error;
    const position = error.mark?.position ?? 0;
    const isAtEnd = text.slice(position).trim() === "";
    report(position, explainSyntaxError(error.reason, isAtEnd));
    return undefined;
  }
  return new YamlTree(text, report).build(events);
}

class YamlTree {
  readonly #text: string;
  readonly #report: Report;
  readonly #frames: Frame[] = [];
  /** Undefined as value: the anchor's node is still open. */
  readonly #anchors = new Map<string, Anchor | undefined>();
  #root: SourceNode | undefined;
  #documents = 0;
  #aliasedNodes = 0;
  /** Where the last event was, for nodes that are written as nothing. */
  #position = 0;

  constructor(text: string, report: Report) {
    this.#text = text;
    this.#report = report;
  }

  build(events: readonly Event[]): SourceNode | undefined {
    for (const event of events) {
      switch (event.type) {
        case EVENT_ID.DOCUMENT:
          this.#documents++;
          break;
        case EVENT_ID.SCALAR:
          this.#addScalar(event);
          break;
        case EVENT_ID.SEQUENCE:
          this.#checkTag(event, "seq");
          this.#open({ kind: "list", start: event.start, items: [] }, this.#anchorOf(event));
          break;
        case EVENT_ID.MAPPING:
          this.#checkTag(event, "map");
          this.#open({ kind: "map", start: event.start, entries: [] }, this.#anchorOf(event));
          break;
        case EVENT_ID.ALIAS:
          if (!this.#addAlias(event.anchorStart, event.anchorEnd)) return undefined;
          break;
        case EVENT_ID.POP:
          this.#close();
          break;
      }
      if (this.#documents > 1 && event.type !== EVENT_ID.DOCUMENT) {
        this.#report(this.#position, "a run file must be one YAML document; another one begins here");
        return undefined;
      }
    }
    return this.#root;
  }

  #addScalar(event: ScalarEvent): void {
    const isQuoted = event.style === SCALAR_STYLE.SINGLE_QUOTED || event.style === SCALAR_STYLE.DOUBLE_QUOTED;
    if (event.valueStart >= 0) this.#position = event.valueStart - (isQuoted ? 1 : 0);
    const frame = this.#frames.at(-1);
    const text = getScalarValue(this.#text, event);
    if (frame?.node.kind === "map" && frame.key === undefined) {
      const isMerge = text === "<<" && event.style === SCALAR_STYLE.PLAIN && event.tagStart < 0;
      frame.key = { text, start: this.#position, kind: isMerge ? "merge" : "plain" };
      this.#setAnchor(this.#anchorOf(event), { kind: "scalar", start: this.#position, value: text, text }, 1);
      return;
    }
    const value = this.#scalarValue(event, text);
    const node: SourceNode = { kind: "scalar", start: this.#position, value, text };
    this.#setAnchor(this.#anchorOf(event), node, 1);
    this.#add(node, 1);
  }

  #scalarValue(event: ScalarEvent, text: string): ScalarValue {
    if (event.tagStart >= 0) return this.#taggedValue(this.#text.slice(event.tagStart, event.tagEnd), text);
    return event.style === SCALAR_STYLE.PLAIN ? plainScalar(text) : text;
  }

  #taggedValue(tag: string, text: string): ScalarValue {
    const tagged = taggedScalar(tag, text);
    if (tagged.ok) return tagged.value;
    this.#report(this.#position, tagged.message);
    return text;
  }

  #checkTag(event: { start: number; tagStart: number; tagEnd: number }, expected: string): void {
    this.#position = event.start;
    if (event.tagStart < 0) return;
    const tag = this.#text.slice(event.tagStart, event.tagEnd);
    if (tag !== "!" && !isCoreTag(tag, expected)) {
      this.#report(event.tagStart, unknownTag(tag));
    }
  }

  #open(node: Frame["node"], anchor: string | undefined): void {
    const parent = this.#frames.at(-1);
    if (parent?.node.kind === "map" && parent.key === undefined) {
      parent.key = this.#badKey(node.start);
      this.#frames.push({ node, anchor: undefined, isKey: true, weight: 1, key: undefined, merged: [] });
      return;
    }
    if (anchor !== undefined) this.#anchors.set(anchor, undefined);
    this.#frames.push({ node, anchor, isKey: false, weight: 1, key: undefined, merged: [] });
  }

  #close(): void {
    const frame = this.#frames.pop();
    if (frame === undefined) return;
    const { node, anchor, weight, merged } = frame;
    if (frame.isKey) return;
    if (node.kind === "map") {
      dropDuplicates(node, this.#report);
      if (merged.length > 0) addMerged(node.entries, merged);
    }
    this.#setAnchor(anchor, node, weight);
    this.#add(node, weight);
  }

  #addAlias(nameStart: number, nameEnd: number): boolean {
    const name = this.#text.slice(nameStart, nameEnd);
    this.#position = nameStart - 1;
    const anchor = this.#anchors.get(name);
    if (anchor === undefined) {
      const message = this.#anchors.has(name)
        ? `*${name} stands inside of what it names`
        : `there is no anchor &${name}; a glob that begins with * needs quotes: "*${name}"`;
      this.#report(this.#position, message);
      return false;
    }
    this.#aliasedNodes += anchor.weight;
    if (this.#aliasedNodes > MAX_ALIASED_NODES) {
      this.#report(this.#position, `aliases must not stand for more than ${MAX_ALIASED_NODES} values in all`);
      return false;
    }
    const frame = this.#frames.at(-1);
    if (frame?.node.kind === "map" && frame.key === undefined) {
      const { node } = anchor;
      if (node.kind !== "scalar") frame.key = this.#badKey(this.#position);
      else frame.key = { text: node.text, start: this.#position, kind: "plain" };
    } else this.#add(anchor.node, anchor.weight);
    return true;
  }

  /** Puts a finished node where it belongs. */
  #add(node: SourceNode, weight: number): void {
    const frame = this.#frames.at(-1);
    if (frame === undefined) {
      this.#root = node;
      return;
    }
    frame.weight += weight;
    if (frame.node.kind === "list") {
      frame.node.items.push(node);
      return;
    }
    const { text: key, start: keyStart, kind } = frame.key!;
    frame.key = undefined;
    if (kind === "plain") frame.node.entries.push({ key, keyStart, value: node });
    if (kind !== "merge") return;
    const sources = node.kind === "list" ? node.items : [node];
    for (const source of sources) {
      if (source.kind === "map") frame.merged.push(source);
      else this.#report(keyStart, "<< must be followed by an alias of a map, or a list of such");
    }
  }

  #badKey(start: number): Key {
    this.#report(start, "a key must be text, not a list or a map");
    return { text: "", start, kind: "bad" };
  }

  #anchorOf(event: { anchorStart: number; anchorEnd: number }): string | undefined {
    return event.anchorStart < 0 ? undefined : this.#text.slice(event.anchorStart, event.anchorEnd);
  }

  #setAnchor(name: string | undefined, node: SourceNode, weight: number): void {
    if (name !== undefined) this.#anchors.set(name, { node, weight });
  }
}

function addMerged(entries: SourceEntry[], merged: readonly SourceMap[]): void {
  const keys = new Set(entries.map(({ key }) => key));
  for (const source of merged) {
    for (const entry of source.entries) {
      if (keys.has(entry.key)) continue;
      keys.add(entry.key);
      entries.push(entry);
    }
  }
}
