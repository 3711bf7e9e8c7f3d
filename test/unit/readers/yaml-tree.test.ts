import { CORE_SCHEMA, load, mergeTag, realMapTag } from "js-yaml";
import { describe, expect, test } from "vitest";
import { ProblemList } from "../../../coordinator/readers/source-text.ts";
import type { SourceNode } from "../../../coordinator/readers/source-tree.ts";
import { readYamlTree } from "../../../coordinator/readers/yaml-tree.ts";

function plain(node: SourceNode | undefined): unknown {
  if (node === undefined) return undefined;
  if (node.kind === "scalar") return node.value;
  if (node.kind === "list") return node.items.map(plain);
  return new Map(node.entries.map(({ key, value }) => [key, plain(value)]));
}

function read(text: string): { value: unknown; messages: string[] } {
  const problems = new ProblemList("f", text);
  const root = readYamlTree(text, problems.report);
  return {
    value: plain(root),
    messages: problems.list().map(({ line, col, message }) => `${line}:${col} ${message}`),
  };
}

test.each([
  "[1, -2, +3, 0o17, 0x1F, 1.5, .5, 1e3, .inf, -.inf, 12e03, 1_000, 1.2.3, 0b1]",
  "[true, True, TRUE, false, yes, no, on, off, y, n, null, Null, ~, nil, '', NaN, .nan, Infinity]",
  "[!!str 12, !!int '3', !!float 1, !!bool 'true', !!null '', ! 12]",
  "a: \"x\\ty\\u00e9\"\nb: 'it''s'\nc: |\n  one\n  two\nd: >-\n  folded\n  text\ne: plain\n  going on\nf:",
  "a: &x [1, {b: 2}]\nc: *x\nd: {e: *x}",
  "base: &b {x: 1, y: 2}\nmore: &m {y: 3, z: 4}\none: {<<: *b, x: 9}\ntwo: {<<: [*b, *m], w: 0}\nthree: {x: 5, <<: *m}",
  "? a\n: 1\n? b\n",
  "%YAML 1.2\n--- # comment\na: 1\n...\n",
])("reads the same values as the library: %s", (text) => {
  const expected = load(text, { schema: CORE_SCHEMA.withTags(mergeTag, realMapTag) });
  expect(read(text)).toEqual({ value: expected, messages: [] });
});

describe("aliases", () => {
  test("to nothing, and inside of what they name, are refused", () => {
    expect(read("a: *b").messages[0]).toMatch(/^1:4 there is no anchor &b/);
    expect(read("a: &b [*b]").messages[0]).toMatch(/^1:8 \*b stands inside of what it names/);
  });

  test("that stand for too much are refused before anything walks them", () => {
    const levels = Array.from({ length: 30 }, (_, i) => `l${i + 1}: &l${i + 1} [${`*l${i},`.repeat(10)}]`);
    const { messages } = read(["l0: &l0 [x, x, x, x]", ...levels].join("\n"));
    expect(messages).toEqual([
      expect.stringMatching(/^7:\d+ aliases must not stand for more than 2000000 values/),
    ]);
  });

  test("may be keys", () => {
    expect(read("a: &x name\n*x : 1").value).toEqual(
      new Map<string, unknown>([
        ["a", "name"],
        ["name", 1],
      ]),
    );
  });
});

test("a merge key needs maps, and is an ordinary key in quotes", () => {
  expect(read("a: {<<: 1}").messages).toEqual([
    "1:5 << must be followed by an alias of a map, or a list of such",
  ]);
  expect(read('"<<": 1').value).toEqual(new Map([["<<", 1]]));
});

test("a map that is a key is a mistake that hides no other one", () => {
  expect(read("? {a: 1, a: 2}\n: [x]\nb: 1\nb: 2").messages).toEqual([
    "1:3 a key must be text, not a list or a map",
    '4:1 duplicate key "b"',
  ]);
});

test("nesting has an end", () => {
  expect(read("[".repeat(100_000)).messages).toHaveLength(1);
});
