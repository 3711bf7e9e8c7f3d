/** A shell's exit status, and where a spawner leaves it. */
import { readFileSync } from "node:fs";
import { constants } from "node:os";
import { join } from "node:path";
import { type Exit, type Usage, unlaunched } from "./runner.ts";
import { type AttemptStatus, readStatusFile } from "./spawner-script.ts";

/** Where a spawner says how its job ended. */
export function statusPath(control: string): string {
  return join(control, "status");
}

/** What the status file in a folder for control files says of an attempt; nothing when it has not begun. */
export function statusIn(control: string, attempt: string): AttemptStatus | undefined {
  try {
    return readStatusFile(readFileSync(statusPath(control), "utf8"), attempt);
  } catch {
    // Not written yet, or never: the caller knows which.
    return undefined;
  }
}

/**
 * A shell says 128 + n for a command that signal n ended; a command that exits so by itself looks the same. Without a
 * status nothing could be run.
 */
export function exitOfStatus(status: number | null, usage: Usage): Exit {
  if (status === null) return unlaunched;
  const signal = signalNames.get(status - 128);
  return signal === undefined
    ? { kind: "exited", exitCode: status, usage }
    : { kind: "signalled", signal, usage };
}

const signalNames = new Map(Object.entries(constants.signals).map(([name, number]) => [number, name]));
// Two names of one number: the one that people know.
signalNames.set(constants.signals.SIGABRT, "SIGABRT");
