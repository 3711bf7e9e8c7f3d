import { closeSync, mkdtempSync, openSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { withoutHolders } from "../../../agent/runners/log-holders.ts";
import { type CensusEntry, takeCensus } from "../../../agent/runners/process-census.ts";

const ended = new Map([
  ["early", { sinceTicks: 100, log: "/logs/1" }],
  ["late", { sinceTicks: 200, log: "/logs/2" }],
]);

function entry(fields: Partial<CensusEntry>): CensusEntry {
  return { pid: 10, startTicks: 150, isKernel: false, session: 10, attempt: undefined, ...fields };
}

function free(entries: readonly CensusEntry[], files: ReadonlySet<string> | undefined): string[] {
  return [...withoutHolders(ended, entries, () => files)];
}

test("a log is nobody's when no process is there that was started since", () => {
  expect(free([], new Set())).toEqual(["early", "late"]);
  expect(free([entry({ startTicks: 50 })], undefined)).toEqual(["early", "late"]);
});

test("a process that was started since, and has the log open or can't be looked at, holds it", () => {
  expect(free([entry({})], new Set(["/dev/null", "/logs/1"]))).toEqual(["late"]);
  expect(free([entry({ startTicks: 250 })], undefined)).toEqual([]);
  expect(free([entry({ startTicks: 250 })], new Set(["/dev/null"]))).toEqual(["early", "late"]);
});

test("processes of other attempts and of the kernel hold no log", () => {
  expect(free([entry({ attempt: "other" })], undefined)).toEqual(["early", "late"]);
  expect(free([entry({ isKernel: true })], undefined)).toEqual(["early", "late"]);
});

test("finds what a real process has open", async () => {
  const folder = mkdtempSync(join(tmpdir(), "log-holders-"));
  const log = join(folder, "log");
  const file = openSync(log, "w");
  const self = async () => (await takeCensus()).filter(({ pid }) => pid === process.pid);
  const attempt = new Map([["held", { sinceTicks: 0, log }]]);
  const nobody = (entries: readonly CensusEntry[]) =>
    withoutHolders(
      attempt,
      entries.map((found) => ({ ...found, attempt: undefined })),
    );
  expect([...nobody(await self())]).toEqual([]);
  closeSync(file);
  expect([...nobody(await self())]).toEqual(["held"]);
  rmSync(folder, { recursive: true });
});
