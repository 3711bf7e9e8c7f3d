/** Arbitrary correct run files, as pairs until they are written as JSON or YAML: any name must come through. */
import fc from "fast-check";
import { dump } from "js-yaml";

type Written =
  | string
  | number
  | boolean
  | readonly Written[]
  | { readonly pairs: readonly (readonly [string, Written])[] };

const hostileNames = fc.constantFrom(
  "__proto__",
  "constructor",
  "toString",
  "10",
  "9",
  "<<",
  "null",
  "true",
  "1.10",
  "~",
  "*a",
  "&b",
  "- x",
  "a: b",
  "#c",
  "é",
  "😀",
);
const jobName = fc.oneof(
  hostileNames,
  fc.stringMatching(/^[a-z][a-z0-9._-]{0,8}$/),
  fc
    .string({ unit: "grapheme", minLength: 1, maxLength: 12 })
    .filter((name) => !/\p{Cc}/u.test(name) && name.isWellFormed()),
);
const variable = fc.oneof(
  fc.constantFrom("__proto__", "constructor"),
  fc.stringMatching(/^[A-Z_][A-Z0-9_]{0,6}$/),
);
const text = fc
  .string({ unit: "grapheme", maxLength: 20 })
  .filter((value) => !value.includes("\0") && value.isWellFormed());
const filled = text.filter((value) => value !== "");
const duration = fc
  .tuple(fc.integer({ min: 1, max: 500 }), fc.constantFrom("ms", "s", "m", "h"))
  .map(([n, unit]) => `${n}${unit}`);
const glob = fc
  .stringMatching(/^[a-z*][a-z*.]{0,6}(\/[a-z*]{1,5})?$/)
  .filter((value) => !value.includes(".."));

const mapOf = (key: fc.Arbitrary<string>, value: fc.Arbitrary<Written>): fc.Arbitrary<Written> =>
  fc
    .uniqueArray(fc.tuple(key, value), { selector: ([name]) => name, maxLength: 4 })
    .map((pairs) => ({ pairs }));

const textValue = fc.oneof(text, fc.boolean(), fc.integer());
const jobKeys: Record<string, fc.Arbitrary<Written>> = {
  image: filled,
  network: filled,
  env: mapOf(variable, textValue),
  outputs: fc.oneof(glob, fc.array(glob, { maxLength: 3 })),
  labels: mapOf(fc.oneof(fc.constant("__proto__"), fc.stringMatching(/^[a-z]{1,6}$/)), textValue),
  resources: fc
    .record({ cpu: fc.integer({ min: 1, max: 64 }), memory: fc.constant("1.5GiB") }, { requiredKeys: [] })
    .map(asPairs),
  timeout: fc.oneof(
    duration,
    fc.record({ run: duration, queue: duration, noOutput: duration }, { requiredKeys: [] }).map(asPairs),
  ),
  retries: fc.oneof(
    fc.integer({ min: 0, max: 100 }),
    fc
      .record(
        { max: fc.nat(100), on: fc.constantFrom("failure", "timeout"), backoff: duration },
        { requiredKeys: ["max"] },
      )
      .map(asPairs),
  ),
  priority: fc.integer({ min: 0, max: 1000 }),
  sources: fc.array(glob, { maxLength: 2 }),
  rerunAfterLoss: fc.boolean(),
  allowFailure: fc.boolean(),
  when: fc.constantFrom("success", "always", "onFailure"),
};
const run = fc.oneof(filled, fc.boolean(), fc.array(textValue, { minLength: 1, maxLength: 3 }));
const keysOf = (keys: Record<string, fc.Arbitrary<Written>>, required: string[]) =>
  fc.record(keys, { requiredKeys: required }).map(asPairs);

function asPairs(record: object): { pairs: [string, Written][] } {
  return { pairs: Object.entries(record) };
}

/** Jobs need only earlier ones, so there is no cycle. */
export const runFile = fc
  .record({
    name: fc.option(filled, { nil: undefined }),
    vars: mapOf(variable, textValue),
    defaults: keysOf(jobKeys, []),
    jobs: fc.uniqueArray(
      fc.tuple(
        jobName,
        keysOf({ ...jobKeys, run }, ["run"]),
        fc.array(fc.tuple(fc.nat(), fc.boolean()), { maxLength: 3 }),
      ),
      {
        selector: ([name]) => name,
        minLength: 1,
        maxLength: 8,
      },
    ),
  })
  .map(({ name, vars, defaults, jobs }) => {
    const names = jobs.map(([job]) => job);
    const written = jobs.map(([job, keys, picks], index): [string, Written] => {
      const needed = new Map(
        index === 0 ? [] : picks.map(([pick, transitive]) => [names[pick % index]!, transitive]),
      );
      const needs = [...needed].map(
        ([need, transitive]): Written =>
          transitive
            ? {
                pairs: [
                  ["job", need],
                  ["transitive", true],
                ],
              }
            : need,
      );
      return [job, { pairs: [...keys.pairs, ["needs", needs]] }];
    });
    const pairs: [string, Written][] = [
      ["vars", vars],
      ["defaults", defaults],
      ["jobs", { pairs: written }],
    ];
    if (name !== undefined) pairs.unshift(["name", name]);
    return { pairs, names };
  });

export function asJson(value: Written, depth = 0): string {
  if (Array.isArray(value)) return `[${value.map((item) => asJson(item, depth + 1)).join(", ")}]`;
  if (typeof value !== "object") return JSON.stringify(value);
  const entries = (value as { pairs: readonly [string, Written][] }).pairs;
  const indent = "  ".repeat(depth + 1);
  return `{\n${entries.map(([key, entry]) => `${indent}${JSON.stringify(key)}: ${asJson(entry, depth + 1)}`).join(",\n")}\n}`;
}

export function asYaml(value: Written, depth = 0): string {
  if (Array.isArray(value)) return `[${value.map((item) => asYaml(item, -1)).join(", ")}]`;
  if (typeof value !== "object") return scalar(value);
  const entries = (value as { pairs: readonly [string, Written][] }).pairs;
  if (entries.length === 0) return "{}";
  if (depth < 0)
    return `{${entries.map(([key, entry]) => `${scalar(key)}: ${asYaml(entry, -1)}`).join(", ")}}`;
  const indent = "  ".repeat(depth);
  return `\n${entries.map(([key, entry]) => `${indent}${scalar(key)}: ${asYaml(entry, depth + 1)}`).join("\n")}`;
}

/** The library decides which quotes a text needs; whatever it makes longer than a line is written as JSON. */
function scalar(value: string | number | boolean): string {
  const dumped = dump(value, { lineWidth: -1, forceQuotes: false }).replace(/\n$/, "");
  return /[\n\r\u2028\u2029]/.test(dumped) || /[,[\]{}]/.test(dumped) || dumped === "<<"
    ? JSON.stringify(value)
    : dumped;
}
