/** Row 5: many jobs, and one that needs them all. */
import { merge as mergeOf } from "../graphs/plain.ts";
import type { Row } from "../row.ts";
import { measureScale } from "../scale.ts";

export const merge: Row = {
  number: 5,
  name: "merge",
  measure: (bench) =>
    measureScale(bench, {
      name: "merge",
      large: mergeOf(bench.isShort ? 2_000 : 100_000),
      small: mergeOf(bench.isShort ? 200 : 10_000),
    }),
};
