import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { LogFiles } from "../../../agent/workspaces/log-files.ts";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "log-files-"));
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

const quiet = Promise.resolve(true);
const settled = () => new Promise((resolve) => setImmediate(resolve));

test("uses a log again, emptied, when nobody can write to it any more", async () => {
  const logs = LogFiles.open(folder, new Set());
  let settle: (isQuiet: boolean) => void = () => {};
  const path = logs.take();
  writeFileSync(path, "output");
  logs.giveBack(path, true, new Promise((resolve) => (settle = resolve)));
  expect(logs.take()).not.toBe(path);
  settle(true);
  await settled();
  expect(logs.take()).toBe(path);
  expect(statSync(path).size).toBe(0);
});

test("removes a log that somebody may still write to", async () => {
  const logs = LogFiles.open(folder, new Set());
  const path = logs.take();
  writeFileSync(path, "");
  logs.giveBack(path, false, Promise.resolve(false));
  await settled();
  expect(existsSync(path)).toBe(false);
  expect(logs.take()).not.toBe(path);
});

test("hands out another file where one was written to after its job", async () => {
  const logs = LogFiles.open(folder, new Set());
  const path = logs.take();
  writeFileSync(path, "");
  logs.giveBack(path, false, quiet);
  await settled();
  appendFileSync(path, "late");
  expect(logs.take()).toBe(path);
  // Whoever writes on writes to a file that has no name any more.
  expect(existsSync(path)).toBe(false);
});

test("hands out no log that an attempt of an earlier process has, though it has not made it yet", () => {
  const logs = LogFiles.open(folder, new Set([join(folder, "7")]));
  expect(logs.take()).toBe(join(folder, "8"));
});

test("does not hand out what is no file any more", async () => {
  const logs = LogFiles.open(folder, new Set());
  const path = logs.take();
  mkdirSync(path);
  logs.giveBack(path, false, quiet);
  await settled();
  expect(logs.take()).not.toBe(path);
});

test("leaves only what is in use, at its beginning and at its end", async () => {
  for (const name of ["3", "7", "odd"]) writeFileSync(join(folder, name), "");
  const logs = LogFiles.open(folder, new Set([join(folder, "3")]));
  expect(readdirSync(folder)).toEqual(["3"]);
  const [resting, free, used] = [logs.take(), logs.take(), logs.take()];
  for (const path of [resting, free, used]) writeFileSync(path, "");
  logs.giveBack(resting, false, new Promise(() => {}));
  logs.giveBack(free, false, quiet);
  await settled();
  logs.close();
  expect(
    readdirSync(folder)
      .map((name) => join(folder, name))
      .sort(),
  ).toEqual([join(folder, "3"), used].sort());
});
