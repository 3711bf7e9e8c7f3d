import { randomBytes } from "node:crypto";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { GatheredWrites } from "../../../shared/store/gathered-writes.ts";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "gathered-writes-"));
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

test.each([[[]], [[0, 1, 0]], [[1024 * 1024]], [[700_000, 700_000, 3, 2_500_000, 1]]])(
  "writes pieces of %j bytes in their order",
  async (lengths) => {
    const pieces = lengths.map((length) => randomBytes(length));
    const fd = openSync(join(folder, "file"), "wx");
    const writes = new GatheredWrites(fd);
    for (const piece of pieces) await writes.add(piece);
    await writes.end();
    closeSync(fd);
    expect(readFileSync(join(folder, "file")).equals(Buffer.concat(pieces))).toBe(true);
  },
);

test("tells that a write has failed, at the next call or at the end", async () => {
  const fd = openSync(join(folder, "file"), "wx");
  closeSync(fd);
  const readOnly = openSync(join(folder, "file"), "r");
  const piece = Buffer.alloc(2 * 1024 * 1024);
  const early = new GatheredWrites(readOnly);
  await early.add(piece);
  await expect(early.add(piece)).rejects.toThrow("EBADF");
  const late = new GatheredWrites(readOnly);
  await late.add(piece);
  await expect(late.end()).rejects.toThrow("EBADF");
  await late.settled();
  closeSync(readOnly);
});
