import { expect, test } from "vitest";
import { haveSameRecords, makeIncarnation } from "../../../shared/model/incarnation.ts";

test("tells starts with the same records from others, and takes nothing for granted of names that do not say", () => {
  expect(haveSameRecords(makeIncarnation("disk", "1"), makeIncarnation("disk", "2"))).toBe(true);
  expect(haveSameRecords(makeIncarnation("disk", "1"), makeIncarnation("disk2", "1"))).toBe(false);
  for (const [one, other] of [
    ["disk", "disk"],
    ["", ""],
    [".1", ".2"],
    ["disk.1", "disk"],
  ] as const) {
    expect(haveSameRecords(one, other)).toBe(false);
  }
});
