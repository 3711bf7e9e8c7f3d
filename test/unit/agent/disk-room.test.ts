import { expect, test } from "vitest";
import { diskTrouble, isFull } from "../../../agent/core/disk-room.ts";

const GIB = 2 ** 30;

function trouble(freeBytes: number, minFree: { bytes?: number; share?: number }, isInTrouble = false) {
  return diskTrouble({ folder: "/w", totalBytes: 100 * GIB, freeBytes }, minFree, isInTrouble);
}

test("the smaller watermark of the two counts", () => {
  expect(trouble(2 * GIB, { bytes: GIB, share: 0.05 })).toBeUndefined();
  expect(trouble(2 * GIB, { share: 0.05 })).toBe("the disk of /w is nearly full: 2 GiB free, 5 GiB needed");
  expect(trouble(GIB - 1, { bytes: GIB })).toContain("nearly full");
  expect(trouble(0, { bytes: 0 })).toBeUndefined();
});

test("trouble is over only when there is clearly more room than that", () => {
  expect(trouble(GIB, { bytes: GIB }, true)).toContain("nearly full");
  expect(trouble(1.2 * GIB, { bytes: GIB }, true)).toBeUndefined();
});

test("a disk is full when a small file does not fit", () => {
  expect(isFull({ folder: "/w", totalBytes: GIB, freeBytes: 4096 })).toBe(true);
  expect(isFull({ folder: "/w", totalBytes: GIB, freeBytes: 2 ** 20 })).toBe(false);
});
