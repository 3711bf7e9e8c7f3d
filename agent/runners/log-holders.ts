/**
 * Whether anybody may still write to the log of an ended attempt: a process that inherited it, cleared its environment and
 * left the session is not known as the attempt's own any more.
 *
 * Safe: whoever holds a log was started after its attempt, so all such processes are looked at that carry no attempt's
 * name; one that can't be looked at counts as a holder.
 */
import { readdirSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import type { CensusEntry } from "./process-census.ts";

/** An ended attempt whose log might be used again. */
export interface EndedAttempt {
  /** Before it was started, in clock ticks after boot. */
  readonly sinceTicks: number;
  readonly log: string;
}

interface Suspect {
  readonly startTicks: number;
  /** Undefined when it can't be looked at. */
  readonly files: ReadonlySet<string> | undefined;
}

/** Those of the ended attempts whose logs nobody can write to any more, by a census begun after their end. */
export function withoutHolders(
  ended: ReadonlyMap<string, EndedAttempt>,
  census: readonly CensusEntry[],
  filesOf: (pid: number) => ReadonlySet<string> | undefined = openFilesOf,
): Set<string> {
  let oldest = Number.POSITIVE_INFINITY;
  for (const { sinceTicks } of ended.values()) oldest = Math.min(oldest, sinceTicks);
  const suspects: Suspect[] = [];
  for (const { pid, isKernel, attempt, startTicks } of census) {
    if (attempt !== undefined || isKernel || startTicks < oldest) continue;
    suspects.push({ startTicks, files: filesOf(pid) });
  }
  const free = new Set<string>();
  for (const [attempt, { sinceTicks, log }] of ended) {
    const mayHold = ({ startTicks, files }: Suspect): boolean =>
      startTicks >= sinceTicks && (files === undefined || files.has(log));
    if (!suspects.some(mayHold)) free.add(attempt);
  }
  return free;
}

/** The paths of what a process has open; nothing when it has ended meanwhile. */
function openFilesOf(pid: number): Set<string> | undefined {
  const folder = `/proc/${pid}/fd`;
  const files = new Set<string>();
  try {
    for (const name of readdirSync(folder)) files.add(readlinkSync(join(folder, name)));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === "ENOENT" || code === "ESRCH" ? files : undefined;
  }
  return files;
}
