import { describe, expect, test } from "vitest";
import { parseDurationMs } from "../../../shared/model/duration.ts";
import { parseSizeBytes } from "../../../shared/model/size.ts";

describe("durations", () => {
  test.each([
    ["500ms", 500],
    ["90s", 90_000],
    ["10m", 600_000],
    ["1h30m", 5_400_000],
    ["1.5h", 5_400_000],
    ["2d", 172_800_000],
    ["1m1ms", 60_001],
  ])("reads %s", (text, ms) => {
    expect(parseDurationMs(text)).toBe(ms);
  });

  test.each(["", "10", "10 m", "m", "1h30", "-5s", "1.s", "10M", "10min", "1e3s"])("refuses %j", (text) => {
    expect(parseDurationMs(text)).toBeUndefined();
  });
});

describe("sizes", () => {
  test.each([
    ["1B", 1],
    ["2kB", 2000],
    ["512MiB", 536_870_912],
    ["1.5 GiB", 1_610_612_736],
    ["2GB", 2_000_000_000],
  ])("reads %s", (text, bytes) => {
    expect(parseSizeBytes(text)).toBe(bytes);
  });

  test.each(["", "1", "1G", "10M", "GiB", "-1GiB", "1 gib", "99999999TiB"])("refuses %j", (text) => {
    expect(parseSizeBytes(text)).toBeUndefined();
  });
});
