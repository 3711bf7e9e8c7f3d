import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseTemplate } from "../../coordinator/readers/packages/templates/template-parser.ts";
import { renderTemplate } from "../../coordinator/readers/packages/templates/template-rendering.ts";
import { objectValue, printed } from "../../coordinator/readers/packages/templates/template-value.ts";
import { commonIndentation, unindented } from "../../coordinator/readers/packages/unindented.ts";

const options = { strict: true, helpers: new Map() };
const line = fc.string({ unit: fc.constantFrom("a", " ", "\t", "$", "\\", "}", '"', "é"), maxLength: 6 });
const text = fc.array(line, { maxLength: 5 }).map((lines) => lines.join("\n"));

describe("a template", () => {
  test("without tags is its own text", () => {
    fc.assert(
      fc.property(text, (plain) => {
        expect(renderTemplate(parseTemplate(plain), null, options)).toBe(plain);
      }),
    );
  });

  test("keeps the text around a value, whatever that is", () => {
    fc.assert(
      fc.property(text, text, fc.string(), (before, after, value) => {
        // A backslash before a tag is one of the language's own.
        const start = before.replace(/\\+$/, "");
        const elements = parseTemplate(`${start}{{v}}${after}`);
        expect(renderTemplate(elements, objectValue([["v", value]]), options)).toBe(
          `${start}${value}${after}`,
        );
      }),
    );
  });

  test("goes through a list in its order, and prints each item as it is printed alone", () => {
    const item = fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.constant(null), fc.array(fc.string()));
    fc.assert(
      fc.property(fc.array(item), (list) => {
        const elements = parseTemplate("{{#each l}}<{{this}}>{{/each}}");
        const expected = list.map((one) => `<${printed(one)}>`).join("");
        expect(renderTemplate(elements, objectValue([["l", list]]), options)).toBe(expected);
      }),
    );
  });
});

describe("text without its indentation", () => {
  test("has the same lines, each shorter by what all had in common", () => {
    fc.assert(
      fc.property(text, fc.nat(4), (plain, more) => {
        const pad = " ".repeat(more);
        const padded = plain
          .split("\n")
          .map((one) => pad + one)
          .join("\n");
        expect(
          unindented(padded)
            .split("\n")
            .map((one) => one.trimStart()),
        ).toEqual(plain.split("\n").map((one) => one.trimStart()));
        if (/[^ \t\n]/.test(plain)) expect(commonIndentation(unindented(padded))).toBe(0);
      }),
    );
  });
});
