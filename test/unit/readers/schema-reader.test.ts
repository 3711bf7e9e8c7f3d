import fc from "fast-check";
import { expect, test } from "vitest";
import { z } from "zod";
import { readJsonTree } from "../../../coordinator/readers/json-tree.ts";
import { schemaReader } from "../../../coordinator/readers/schema-reader.ts";
import { ProblemList } from "../../../coordinator/readers/source-text.ts";

const schema = z.strictObject({
  count: z.int("must be a whole number").min(1, "must be at least 1"),
  names: z
    .union([z.string("must be text"), z.array(z.string("must be text")).min(1, "must have one")])
    .optional(),
  limits: z
    .union([
      z.string("must be text").transform((text) => text.length),
      z.strictObject({ soft: z.int("must be a whole number").optional() }),
    ])
    .optional(),
  mode: z.enum(["fast", "slow"]).optional(),
});

const read = schemaReader(schema, "", new Map([["number", "count"]]));

function reading(value: unknown): { value: unknown; messages: string[] } {
  const text = JSON.stringify(value);
  const problems = new ProblemList("f", text);
  const root = readJsonTree(text, problems.report);
  const result = root === undefined ? undefined : read(root, problems.report);
  return { value: result, messages: problems.list().map(({ message }) => message) };
}

test("accepts what the schema accepts, with the same value, and nothing else", () => {
  const whole = fc.constantFrom(0, 1, 2, 1.5, "1", null, true);
  const candidate = fc.record(
    {
      count: whole,
      names: fc.oneof(fc.string(), fc.array(fc.oneof(fc.string(), whole)), whole),
      limits: fc.oneof(
        fc.string(),
        fc.record({ soft: whole, hard: whole }, { requiredKeys: [] }),
        fc.constant([]),
      ),
      mode: fc.constantFrom("fast", "slow", "fats", 1),
      other: whole,
    },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(fc.oneof(candidate, fc.jsonValue()), (value) => {
      const expected = schema.safeParse(JSON.parse(JSON.stringify(value)));
      const { value: found, messages } = reading(value);
      expect(messages.length === 0, messages.join()).toBe(expected.success);
      if (expected.success) expect(found).toEqual(expected.data);
    }),
    { numRuns: 1000 },
  );
});

test("tells everything that is wrong, with labels, what was found and what was likely meant", () => {
  expect(reading({ number: 1, names: [1, []], limits: [], mode: "fats" }).messages).toEqual([
    'missing key "count"',
    'unknown key "number"; did you mean "count"?',
    "an entry of names: must be text; found 1",
    "an entry of names: must be text; found an empty list",
    "limits: must be text, or a map with the keys soft; found an empty list",
    'mode: must be one of fast, slow; found "fats"; did you mean "fast"?',
  ]);
});

test("refuses to compile a schema it cannot follow", () => {
  const ambiguous = z.union([z.array(z.string()), z.array(z.int())]);
  expect(() => schemaReader(ambiguous, "x", new Map())).toThrow(/two options of x take a list/);
  const foreign = z.union([z.array(z.string()), z.array(z.string()).transform((list) => list.length)]);
  expect(() => schemaReader(foreign, "x", new Map())).toThrow(/must not hold a pipe/);
});
