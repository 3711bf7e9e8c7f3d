import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ReleasedLog } from "../../../agent/workspaces/released-log.ts";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "released-log-"));
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

test("cuts before, over and beside earlier ones are one cut, also for a successor", () => {
  const log = ReleasedLog.open(folder);
  log.noteCut(100, 3_000);
  log.noteCut(5_000, 6_000);
  log.noteCut(0, 5_000);
  for (const known of [log, ReleasedLog.open(folder)]) {
    expect(known.nextKept(200)).toBe(6_000);
    expect(known.nextCut(6_000)).toBe(Number.POSITIVE_INFINITY);
    expect(known.keptBytes(0, 6_100)).toBe(100);
  }
});

test("cuts apart stay apart and in order", () => {
  const log = ReleasedLog.open(folder);
  log.noteCut(50, 60);
  log.noteCut(10, 20);
  expect([log.nextCut(0), log.nextKept(15), log.nextCut(20), log.nextKept(55)]).toEqual([10, 20, 50, 60]);
  expect(log.keptBytes(0, 100)).toBe(80);
  expect(log.keptBytes(15, 55)).toBe(30);
});

test("what is stored needs no cuts", () => {
  const log = ReleasedLog.open(folder);
  log.noteCut(10, 20);
  log.noteStored(30);
  expect(ReleasedLog.open(folder).storedBytes).toBe(30);
  expect(log.nextCut(0)).toBe(Number.POSITIVE_INFINITY);
});
