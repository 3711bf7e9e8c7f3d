import fc from "fast-check";
import { expect, test } from "vitest";
import { didYouMean, editDistance, nearestName } from "../../../shared/model/nearest-name.ts";

test("finds a name with one letter wrong, missing, added or two swapped", () => {
  const names = ["fetch", "build", "package"];
  for (const typo of ["fetsch", "fech", "fatch", "fecth"]) expect(nearestName(typo, names)).toBe("fetch");
});

test("finds a name that differs in case alone, however much", () => {
  expect(nearestName("ALLOWFAILURE", ["when", "allowFailure"])).toBe("allowFailure");
});

test("prefers the nearest, then the first", () => {
  expect(nearestName("builds", ["bulls", "build", "builda"])).toBe("build");
});

test("gives none when nothing is near, and never the name itself", () => {
  expect(nearestName("deploy", ["fetch", "build"])).toBeUndefined();
  expect(nearestName("a", ["a"])).toBeUndefined();
  expect(didYouMean("deploy", [])).toBe("");
});

test("searches a hundred thousand names in less than a second of the processor", () => {
  const names = Array.from({ length: 100_000 }, (_, index) => `package-${index}`);
  const before = process.cpuUsage();
  expect(nearestName("pakcage-77777", names)).toBe("package-77777");
  const { user, system } = process.cpuUsage(before);
  expect((user + system) / 1000).toBeLessThan(1000);
});

test("agrees with the distance computed over the whole table", () => {
  const word = fc.string({ unit: fc.constantFrom("a", "b", "c"), maxLength: 8 });
  fc.assert(
    fc.property(word, word, fc.integer({ min: 0, max: 4 }), (from, to, bound) => {
      expect(editDistance(from, to, bound)).toBe(Math.min(wholeTable(from, to), bound + 1));
    }),
    { numRuns: 1000 },
  );
});

function wholeTable(from: string, to: string): number {
  const rows: number[][] = Array.from({ length: from.length + 1 }, (_, row) => [row]);
  for (let column = 0; column <= to.length; column++) rows[0]![column] = column;
  for (let row = 1; row <= from.length; row++) {
    for (let column = 1; column <= to.length; column++) {
      const cost = from[row - 1] === to[column - 1] ? 0 : 1;
      const edits = [
        rows[row - 1]![column]! + 1,
        rows[row]![column - 1]! + 1,
        rows[row - 1]![column - 1]! + cost,
      ];
      if (row > 1 && column > 1 && from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1]) {
        edits.push(rows[row - 2]![column - 2]! + 1);
      }
      rows[row]![column] = Math.min(...edits);
    }
  }
  return rows[from.length]![to.length]!;
}
