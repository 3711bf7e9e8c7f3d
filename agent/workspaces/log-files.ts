/**
 * The files that jobs write their output to, used again and again: to make and remove one for each job is among the
 * dearest things that a short job would cost, as some file systems search long for an inode that was not just freed.
 *
 *   free ──taken──▶ used ──given back──▶ resting ──nobody can write to it──▶ free
 *                                           └──somebody may───▶ removed
 *
 * Safe: 1. a file is free only when no process can have it open; 2. one that was written to while it rested or was free
 * is removed, and one that is taken is empty; 3. no two attempts have one at a time, whichever process of the agent gave
 * it to them. Live: a file that can't be used again costs a new one, nothing else.
 */
import { lstatSync, mkdirSync, readdirSync, truncateSync } from "node:fs";
import { basename, join } from "node:path";
import { Ring } from "../../shared/actor/ring.ts";
import { removeFile } from "./control-files.ts";

export class LogFiles {
  readonly #folder: string;
  /** Longest free first. */
  readonly #free = new Ring<string>();
  readonly #resting = new Set<string>();
  #lastNumber = 0;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /** Opens the folder of logs; those not in use, by their paths, are removed. */
  static open(folder: string, used: ReadonlySet<string>): LogFiles {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const files = new LogFiles(folder);
    const found = readdirSync(folder);
    for (const name of found) if (!used.has(join(folder, name))) removeFile(join(folder, name));
    // One in use may not be there yet: its job, which outlives the agent, is about to make it.
    for (const name of [...found, ...[...used].map((path) => basename(path))]) {
      files.#lastNumber = Math.max(files.#lastNumber, Number.parseInt(name, 10) || 0);
    }
    return files;
  }

  /** Path of an empty log, or of one that is still to be made. */
  take(): string {
    for (let path = this.#free.shift(); path !== undefined; path = this.#free.shift()) {
      if (isFresh(path) || this.remove(path)) return path;
    }
    this.#lastNumber += 1;
    return join(this.#folder, String(this.#lastNumber));
  }

  /**
   * A log is no longer needed; `hasOutput` says whether anything was found in it, and `isQuiet` resolves with whether
   * nobody can write to it any more.
   */
  giveBack(path: string, hasOutput: boolean, isQuiet: Promise<boolean>): void {
    if (hasOutput && !emptied(path)) {
      this.remove(path);
      return;
    }
    this.#resting.add(path);
    const settle = (quiet: boolean): void => {
      if (!this.#resting.delete(path)) return;
      if (quiet) this.#free.push(path);
      else this.remove(path);
    };
    isQuiet.then(settle, () => settle(false));
  }

  /** Says whether nothing is there any more. */
  remove(path: string): boolean {
    try {
      removeFile(path);
      return true;
    } catch {
      // A folder by now, or one that is closed to us: the path is not used again.
      return false;
    }
  }

  /** Removes what is not in use. */
  close(): void {
    for (const path of this.#resting) this.remove(path);
    this.#resting.clear();
    for (let path = this.#free.shift(); path !== undefined; path = this.#free.shift()) this.remove(path);
  }
}

/** Whether a job may write to it: an empty file, or nothing as yet. */
function isFresh(path: string): boolean {
  const seen = lstatSync(path, { throwIfNoEntry: false });
  return seen === undefined || (seen.isFile() && seen.size === 0);
}

function emptied(path: string): boolean {
  try {
    truncateSync(path, 0);
    return true;
  } catch {
    // Then it is not used again.
    return false;
  }
}
