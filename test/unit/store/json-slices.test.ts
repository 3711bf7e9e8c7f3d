import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseInSlices } from "../../../shared/store/json-slices.ts";

/** Long enough to be parsed in pieces. */
const LONG = 700 * 1024;
const filler = "x".repeat(500);

function longList(object: object): object[] {
  const count = Math.ceil(LONG / JSON.stringify(object).length);
  return Array.from({ length: count }, (_, index) => ({ ...object, index }));
}

describe("a long JSON text parsed in slices", () => {
  it.each([
    ["a list", longList({ filler })],
    ["a list in an object", { name: "n", vars: [["a", "b"]], jobs: longList({ filler }), more: 1 }],
    ["with the same inside of strings", { jobs: longList({ text: '"},{"', other: `{"a":[{},{` }) }],
    ["with lists of objects in it", { jobs: longList({ needs: [{ job: "a" }, { job: "b" }], filler }) }],
    ["with another list of objects behind it", { jobs: longList({ filler }), others: longList({ a: 1 }) }],
    ["with one object that is longer than a piece", { jobs: [{ needs: longList({ a: 1 }) }, { a: 2 }] }],
    ["with the list deeper in it", { whole: { jobs: longList({ filler }) } }],
    ["without objects", { jobs: Array.from({ length: LONG / 8 }, (_, index) => index) }],
    ["which is a string", "},{".repeat(LONG)],
  ])("is what it is in one go: %s", async (_what, value) => {
    const text = JSON.stringify(value);
    expect(await parseInSlices(text)).toEqual(JSON.parse(text));
  });

  it("is what it is in one go, whatever is in the list", async () => {
    const values = fc.array(fc.dictionary(fc.string(), fc.jsonValue()), { minLength: 1, maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(values, fc.boolean(), async (some, isWhole) => {
        const list = some.flatMap((value) => longList({ value, filler }).slice(0, 500));
        const text = JSON.stringify(
          isWhole ? list : { jobs: [...list, ...longList({ filler })], rest: some },
        );
        expect(await parseInSlices(text)).toEqual(JSON.parse(text));
      }),
      { numRuns: 20 },
    );
  });

  it("lets others have their turn", async () => {
    const text = JSON.stringify({
      jobs: longList({ filler }).concat(...Array(20).fill(longList({ filler }))),
    });
    let turns = 0;
    const turn = setInterval(() => {
      turns += 1;
    }, 0);
    await parseInSlices(text);
    clearInterval(turn);
    expect(turns).toBeGreaterThan(2);
  });

  it("fails where the whole would", async () => {
    const text = JSON.stringify({ jobs: longList({ filler }) });
    await expect(parseInSlices(text.slice(0, -1))).rejects.toThrow(SyntaxError);
    await expect(parseInSlices(`${text}]`)).rejects.toThrow(SyntaxError);
  });
});
