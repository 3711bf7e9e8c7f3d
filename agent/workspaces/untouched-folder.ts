/**
 * Tells whether a folder is as it was made, by one look at it: no entry was ever made in it, and its rights are the same.
 *
 * A change of an entry sets the folder's two times to the present. One of them can be set back by anybody, the other by
 * nobody, but it is as coarse as the kernel's tick: so the first is set to a time of long ago that nobody knows, and
 * both must be the same.
 */
import { randomInt } from "node:crypto";
import { lstatSync, type Stats, utimesSync } from "node:fs";

/** What a look at a folder showed when it was new. */
export type Stamp = Pick<Stats, "mtimeMs" | "ctimeMs" | "mode">;

/** Seconds after 1970. */
const LONG_AGO = 1_000_000_000;

/** Stamps an empty folder. */
export function stampFolder(path: string): Stamp {
  utimesSync(path, LONG_AGO, randomInt(LONG_AGO) + randomInt(1_000_000) / 1_000_000);
  return lstatSync(path);
}

/** Whether a folder is as it was stamped; false also for one that is gone. */
export function isUntouched(path: string, stamp: Stamp): boolean {
  const seen = lstatSync(path, { throwIfNoEntry: false });
  return (
    seen !== undefined &&
    seen.mtimeMs === stamp.mtimeMs &&
    seen.ctimeMs === stamp.ctimeMs &&
    seen.mode === stamp.mode
  );
}
