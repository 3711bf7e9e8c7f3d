/**
 * Where a process begins to number its folders: most likely not where the one before it did. ext4 takes from the name of a
 * folder where on the disk it begins to look for room, and is slow where files of the one before were just removed.
 */
import { randomInt } from "node:crypto";

const FIRST_NUMBERS = 10_000;

export function firstNumber(): number {
  return randomInt(FIRST_NUMBERS);
}
