import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, statfsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { spreadSubfolders } from "../../../agent/runners/spread-folder.ts";
import { firstNumber } from "../../../agent/workspaces/first-number.ts";

const EXT4_TYPE = 0xef53;

let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "spread-"));
});

afterEach(() => {
  rmSync(root, { recursive: true, force: true });
});

test("marks folders on ext4 as tops of hierarchies, one that is gone apart", async ({ skip }) => {
  if (statfsSync(root).type !== EXT4_TYPE) skip("the temporary folder is not on ext4");
  if (spawnSync("lsattr", ["-V"]).error !== undefined) skip("there is no lsattr, so most likely no chattr");
  const folder = join(root, "-attempts");
  mkdirSync(folder);
  await spreadSubfolders([join(root, "gone"), folder]);
  expect(execFileSync("lsattr", ["-d", folder], { encoding: "utf8" }).split(" ")[0]).toContain("T");
});

test("leaves other file systems alone", async () => {
  await expect(spreadSubfolders(["/proc", join(root, "gone")])).resolves.toBeUndefined();
});

test("numbers begin anew elsewhere", () => {
  expect(new Set(Array.from({ length: 100 }, firstNumber)).size).toBeGreaterThan(50);
});
