import { describe, expect, test } from "vitest";
import { hasFeature, isAtLeast } from "../../../shared/bus/features.ts";

describe("server versions", () => {
  test.each([
    ["2.9.10", "2.9.0", true],
    ["2.9.9", "2.9.10", false],
    ["2.10.0", "2.9.25", true],
    ["3.0.0", "2.14.5", true],
    ["v2.11.1", "2.11.0", true],
    ["2.12.0-RC.1", "2.12.0", true],
    ["unknown", "2.9.0", false],
  ])("%s is at least %s: %s", (version, least, expected) => {
    expect(isAtLeast(version, least)).toBe(expected);
  });

  test("gives Debian's server none of the newer features", () => {
    expect(hasFeature("2.9.10", "severalFilters")).toBe(false);
    expect(hasFeature("2.10.7", "severalFilters")).toBe(true);
    expect(hasFeature("2.10.7", "messageTtl")).toBe(false);
  });
});
