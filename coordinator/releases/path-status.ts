import { lstatSync, type Stats } from "node:fs";

/** What is at a path, which may be a link; undefined where nothing can be. */
export function statusOf(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch {
    // Above it is no folder, or none that may be looked into.
    return undefined;
  }
}
