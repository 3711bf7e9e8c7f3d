/**
 * Reads a source tree along a zod schema: the value, or every place where the tree departs from it.
 *
 * zod itself checks scalars; the shape is checked here, since only here are the places known, keys stay apart from
 * prototypes, and a mistyped key can be told its nearest neighbour. A schema is compiled once to closures.
 *
 * Understood are objects (strict), maps, arrays, optional values, unions of at most one scalar, one list and one map
 * each, and scalars of any kind, with checks and transforms on scalars and checks on all else but unions. Anything else
 * in a schema is a programming error and throws when it is compiled.
 *
 * 1. When nothing was reported, the value is what the schema itself gives for the same data.
 * 2. Messages of the schema begin with "must"; label and what was found are put around them here.
 */
import { z } from "zod";
import { nearestName } from "../../shared/model/nearest-name.ts";
import type { Report } from "./source-text.ts";
import { describeNode, quoted, type SourceEntry, type SourceNode } from "./source-tree.ts";

/** Gives the value of a node; undefined, and a report, when the node or all of it is wrong. */
export type NodeReader<V> = (node: SourceNode, report: Report) => V | undefined;

/** Other names of a key that people bring along from other tools, with the key's name here. */
export type KnownElsewhere = ReadonlyMap<string, string>;

/** Compiles a schema. `label` names the whole in messages. */
export function schemaReader<S extends z.ZodType>(
  schema: S,
  label: string,
  knownElsewhere: KnownElsewhere,
): NodeReader<z.output<S>> {
  // The closures below are typed by the schema they come from, which the type system cannot follow.
  return new Compiler(knownElsewhere).compile(schema, label).read as NodeReader<z.output<S>>;
}

interface Compiled {
  readonly read: NodeReader<unknown>;
  /** The kind of node it takes. */
  readonly takes: SourceNode["kind"] | "any";
  /** What it expects, in words that can follow "must be". */
  readonly expected: string;
}

class Compiler {
  readonly #knownElsewhere: KnownElsewhere;

  constructor(knownElsewhere: KnownElsewhere) {
    this.#knownElsewhere = knownElsewhere;
  }

  compile(schema: z.core.$ZodType, label: string): Compiled {
    if (schema instanceof z.ZodOptional) return this.compile(schema.def.innerType, label);
    if (schema instanceof z.ZodObject) return this.#object(schema, label);
    if (schema instanceof z.ZodMap) return this.#map(schema, label);
    if (schema instanceof z.ZodArray) return this.#array(schema, label);
    if (schema instanceof z.ZodUnion && !isScalar(schema)) return this.#union(schema, label);
    if (schema instanceof z.ZodType && isScalar(schema)) return scalar(schema, label);
    throw new TypeError(`a run file schema must not hold a ${schema._zod.def.type} (${label})`);
  }

  #object(schema: z.ZodObject, label: string): Compiled {
    const prefix = label === "" || label.startsWith(ENTRY_OF) ? "" : `${label}.`;
    const fields = new Map(
      Object.entries(schema.shape).map(([key, field]) => [key, this.compile(field, `${prefix}${key}`)]),
    );
    const required = Object.keys(schema.shape).filter((key) => !(schema.shape[key] instanceof z.ZodOptional));
    const expected = `a map with the keys ${listed(fields)}`;
    const check = checksOf(schema, label);
    const read = (node: SourceNode, report: Report): unknown => {
      if (node.kind !== "map") return void report(node.start, mismatch(label, expected, node));
      const value: Record<string, unknown> = {};
      for (const entry of node.entries) {
        const field = fields.get(entry.key);
        if (field === undefined) report(entry.keyStart, this.#unknownKey(entry, fields));
        else value[entry.key] = field.read(entry.value, report);
      }
      for (const key of required) {
        if (!Object.hasOwn(value, key)) report(node.start, `${prefixed(label)}missing key ${quoted(key)}`);
      }
      return check(value, node, report);
    };
    return { read, takes: "map", expected };
  }

  #unknownKey({ key }: SourceEntry, fields: ReadonlyMap<string, unknown>): string {
    const elsewhere = this.#knownElsewhere.get(key);
    const meant =
      elsewhere !== undefined && fields.has(elsewhere) ? elsewhere : nearestName(key, fields.keys());
    const valid = `valid keys are ${listed(fields)}`;
    return `unknown key ${quoted(key)}; ${meant === undefined ? valid : `did you mean ${quoted(meant)}?`}`;
  }

  #map(schema: z.ZodMap, label: string): Compiled {
    const key = scalar(schema.def.keyType, `a name in ${label}`);
    const value = this.compile(schema.def.valueType, `${ENTRY_OF}${label}`);
    const expected = "a map";
    const check = checksOf(schema, label);
    const read = (node: SourceNode, report: Report): unknown => {
      if (node.kind !== "map") return void report(node.start, mismatch(label, expected, node));
      const entries = new Map<unknown, unknown>();
      for (const entry of node.entries) {
        key.read({ kind: "scalar", start: entry.keyStart, value: entry.key, text: entry.key }, report);
        entries.set(entry.key, value.read(entry.value, report));
      }
      return check(entries, node, report);
    };
    return { read, takes: "map", expected };
  }

  #array(schema: z.ZodArray, label: string): Compiled {
    const item = this.compile(schema.def.element, `${ENTRY_OF}${label}`);
    const expected = "a list";
    const check = checksOf(schema, label);
    const read = (node: SourceNode, report: Report): unknown => {
      if (node.kind !== "list") return void report(node.start, mismatch(label, expected, node));
      const items = node.items.map((child) => item.read(child, report));
      return check(items, node, report);
    };
    return { read, takes: "list", expected };
  }

  #union(schema: z.ZodUnion, label: string): Compiled {
    const options = new Map<SourceNode["kind"] | "any", Compiled>();
    for (const option of schema.def.options) {
      const compiled = this.compile(option, label);
      // A union of unions takes what each of them takes.
      const kinds = compiled.takes === "any" ? kindsOf(option) : [compiled.takes];
      for (const kind of kinds) {
        if (options.has(kind)) throw new TypeError(`two options of ${label} take a ${kind}`);
        options.set(kind, compiled);
      }
    }
    const expected = [...new Set(options.values())].map((option) => option.expected).join(", or ");
    const read = (node: SourceNode, report: Report): unknown => {
      const option = options.get(node.kind);
      if (option === undefined) return void report(node.start, mismatch(label, expected, node));
      return option.read(node, report);
    };
    return { read, takes: "any", expected };
  }
}

/** Keys for people; `$schema` and its like are for programs. */
function listed(fields: ReadonlyMap<string, unknown>): string {
  return [...fields.keys()].filter((key) => !key.startsWith("$")).join(", ");
}

const ENTRY_OF = "an entry of ";

function scalar(schema: z.core.$ZodType, label: string): Compiled {
  const expected = expectation(schema);
  const read = (node: SourceNode, report: Report): unknown => {
    if (node.kind !== "scalar") return void report(node.start, mismatch(label, expected, node));
    const result = z.safeParse(schema, node.value);
    if (!result.success) {
      const message = schema instanceof z.ZodEnum ? `must be ${expected}` : result.error.issues[0]!.message;
      const hint = typeof node.value === "string" ? suggestion(schema, node.value) : "";
      return void report(node.start, `${prefixed(label)}${message}; found ${describeNode(node)}${hint}`);
    }
    // 0012, 0x1F and True are taken as text, but they would not stay as they are written.
    if (typeof result.data === "string" && typeof node.value !== "string" && result.data !== node.text) {
      return void report(
        node.start,
        `${prefixed(label)}must be in quotes to stay as it is written; found ${node.text}`,
      );
    }
    return result.data;
  };
  return { read, takes: "scalar", expected };
}

/** What a scalar's schema says to nothing at all, without its "must be". */
function expectation(schema: z.core.$ZodType): string {
  if (schema instanceof z.ZodEnum) return `one of ${schema.options.join(", ")}`;
  const result = z.safeParse(schema, undefined);
  return result.success ? "a value" : result.error.issues[0]!.message.replace(/^must be /, "");
}

function suggestion(schema: z.core.$ZodType, value: string): string {
  if (!(schema instanceof z.ZodEnum)) return "";
  const nearest = nearestName(value, schema.options.map(String));
  return nearest === undefined ? "" : `; did you mean ${quoted(nearest)}?`;
}

function isScalar(schema: z.core.$ZodType): boolean {
  return kindsOf(schema).every((kind) => kind === "scalar");
}

function kindsOf(schema: z.core.$ZodType): SourceNode["kind"][] {
  if (schema instanceof z.ZodOptional) return kindsOf(schema.def.innerType);
  if (schema instanceof z.ZodPipe) return kindsOf(schema.def.in);
  if (schema instanceof z.ZodUnion) return [...new Set(schema.def.options.flatMap(kindsOf))];
  if (schema instanceof z.ZodArray) return ["list"];
  if (schema instanceof z.ZodObject || schema instanceof z.ZodMap) return ["map"];
  return ["scalar"];
}

/** A collection's own checks, without those of its parts, which were made when they were read. */
function checksOf(schema: z.ZodType, label: string) {
  const { checks = [] } = schema.def;
  // They are typed by the value they check, which is this schema's, whatever it is.
  const checked = z.any().check(...(checks as z.core.$ZodCheck<unknown>[]));
  return (value: unknown, node: SourceNode, report: Report): unknown => {
    if (checks.length === 0) return value;
    const result = checked.safeParse(value);
    if (result.success) return value;
    const message = result.error.issues[0]!.message;
    // That an object is a map says nothing of what is wrong among its keys.
    const found = schema instanceof z.ZodObject ? "" : `; found ${describeNode(node)}`;
    return void report(node.start, `${prefixed(label)}${message}${found}`);
  };
}

function mismatch(label: string, expected: string, node: SourceNode): string {
  return `${prefixed(label)}must be ${expected}; found ${describeNode(node)}`;
}

function prefixed(label: string): string {
  return label === "" ? "" : `${label}: `;
}
