import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fingerprintOf, ReferenceFilter } from "../../../coordinator/core/reference-filter.ts";

describe("a filter of references", () => {
  it("never takes a member for a stranger", () => {
    fc.assert(
      fc.property(
        fc.array(fc.string(), { maxLength: 200 }),
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        (names, seed) => {
          const filter = new ReferenceFilter(seed, 256);
          for (const name of names) filter.add(fingerprintOf(name));
          expect(names.every((name) => filter.has(fingerprintOf(name)))).toBe(true);
        },
      ),
    );
  });

  it("takes few strangers for members, and others with another seed", () => {
    const mistaken = [0.1, 0.7].map((seed) => {
      const filter = new ReferenceFilter(seed, 2 ** 17);
      for (let index = 0; index < 10_000; index += 1) filter.add(fingerprintOf(`member-${index}`));
      const strangers = Array.from({ length: 20_000 }, (_, index) => `stranger-${index}`);
      return strangers.filter((name) => filter.has(fingerprintOf(name)));
    });
    // 13 bits for each member: one mistake in 500 by theory.
    for (const names of mistaken) expect(names.length).toBeLessThan(120);
    const [first = [], second = []] = mistaken;
    expect(first.filter((name) => second.includes(name)).length).toBeLessThan(5);
  });
});
