import { mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ControlFiles } from "../../../agent/workspaces/control-files.ts";

let folder: string;
let files: ControlFiles;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "control-files-"));
  files = new ControlFiles();
});

afterEach(() => {
  files.close();
  rmSync(folder, { recursive: true });
});

function openOnes(): number {
  const paths = readdirSync("/proc/self/fd").map((name) => {
    try {
      return readlinkSync(`/proc/self/fd/${name}`);
    } catch {
      // The one that the listing had open.
      return "";
    }
  });
  return paths.filter((path) => path.startsWith(`${folder}/`)).length;
}

test("replaces what is in a file, whether that is longer or shorter", () => {
  const path = join(folder, "record");
  for (const text of ["a text", "another text", "short"]) {
    files.write(path, text);
    expect(readFileSync(path, "utf8")).toBe(text);
  }
});

test("writes to the file that has the path when the one before was forgotten", () => {
  const [own, other] = [join(folder, "1"), join(folder, "11")];
  for (const each of [own, other]) {
    mkdirSync(each);
    files.write(join(each, "record"), "before");
    files.write(join(each, "launch"), "before");
  }
  files.forgetFolder(own);
  rmSync(own, { recursive: true });
  mkdirSync(own);
  files.write(join(own, "record"), "after");
  expect(readdirSync(own)).toEqual(["record"]);
  files.forget(join(own, "record"));
  rmSync(join(own, "record"));
  files.write(join(own, "record"), "again");
  expect(readFileSync(join(own, "record"), "utf8")).toBe("again");
  files.write(join(other, "record"), "after");
  expect(readFileSync(join(other, "record"), "utf8")).toBe("after");
});

test.skipIf(process.platform !== "linux")("keeps some hundreds open, and none that was forgotten", () => {
  for (let number = 0; number < 700; number += 1) {
    mkdirSync(join(folder, String(number)));
    files.write(join(folder, String(number), "record"), "text");
  }
  expect(openOnes()).toBe(512);
  for (let number = 600; number < 700; number += 1) files.forgetFolder(join(folder, String(number)));
  expect(openOnes()).toBe(412);
  files.close();
  expect(openOnes()).toBe(0);
});
