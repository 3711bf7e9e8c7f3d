/** Row 4: a large graph of the shape that data frames make. */
import { FULL_PARTITIONS, groupby as groupbyOf, TENTHOUSAND_JOBS_PARTITIONS } from "../graphs/groupby.ts";
import type { Row } from "../row.ts";
import { measureScale } from "../scale.ts";

export const groupby: Row = {
  number: 4,
  name: "groupby",
  measure: (bench) =>
    measureScale(bench, {
      name: "groupby",
      large: groupbyOf(bench.isShort ? 500 : FULL_PARTITIONS),
      small: groupbyOf(bench.isShort ? 50 : TENTHOUSAND_JOBS_PARTITIONS),
    }),
};
