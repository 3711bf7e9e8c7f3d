import { expect, it } from "vitest";
import { parseAgeMs } from "../../../coordinator/cli/age.ts";

const hourMs = 3_600_000;

it.each([
  ["10m", hourMs / 6],
  ["1h30m", 1.5 * hourMs],
  ["2 hours", 2 * hourMs],
  ["1day 2h", 26 * hourMs],
  ["2weeks", 14 * 24 * hourMs],
  ["1M", 30.44 * 24 * hourMs],
  ["1month", 30.44 * 24 * hourMs],
  ["1y", 365.25 * 24 * hourMs],
])("the age %s is that of butido", (text, ms) => {
  expect(parseAgeMs(text)).toBe(ms);
});

it.each(["", "10", "h", "1 fortnight", "2026-05-01", "1h 5"])("%j is no age", (text) => {
  expect(parseAgeMs(text)).toBeUndefined();
});
