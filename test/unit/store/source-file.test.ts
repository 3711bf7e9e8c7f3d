import { closeSync, fstatSync, mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { SourceFile } from "../../../shared/store/source-file.ts";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "source-file-"));
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

test("gives the bytes of a large file in pieces", async () => {
  const bytes = Buffer.alloc(3_000_001, "millrace");
  writeFileSync(join(folder, "large"), bytes);
  const file = new SourceFile(folder, "large");
  const pieces: Buffer[] = [];
  for await (const piece of file.pieces()) pieces.push(Buffer.from(piece));
  file.close();
  expect(Buffer.concat(pieces).equals(bytes)).toBe(true);
});

test("is closed once when its reader leaves early, and nobody else's file with it", async () => {
  writeFileSync(join(folder, "large"), Buffer.alloc(3_000_000));
  for (let count = 0; count < 20; count += 1) {
    const file = new SourceFile(folder, "large");
    for await (const _ of file.pieces()) break;
    file.close();
    // It gets the number that has just become free.
    const next = openSync(join(folder, "large"), "r");
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
    expect(fstatSync(next).isFile()).toBe(true);
    closeSync(next);
  }
});
