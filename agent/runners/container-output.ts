/**
 * A container's output on its way to the log file, past the agent's memory.
 *
 * `start --attach` is a process in a session of its own whose stdout and stderr are the log file: it goes on when the
 * agent ends. When that client itself dies, the container does not notice, and the engine's own copy has what is
 * missing: what the log file already holds is skipped, the rest appended. With the command's stdout and stderr joined
 * inside the container both copies have the same bytes in the same order, so the cut is exact. A command that runs
 * without the wrapper has two streams, and lines around the cut may then be out of order.
 */
import { stat } from "node:fs/promises";
import { execa } from "execa";
import type { Engine } from "./engine.ts";

/** Starts a created container and resolves when its output has ended, or the client has, whatever its status. */
export async function startAttached(engine: Engine, id: string, log: string): Promise<void> {
  await inShell('exec "$@" >>"$log" 2>&1', log, [engine.binary, "start", "--attach", id]);
}

/** Appends what the engine kept after the first `heldBytes`; with `follow`, until the container ends. */
export async function appendKept(
  engine: Engine,
  id: string,
  log: string,
  heldBytes: number,
  follow: boolean,
): Promise<void> {
  const script = `"$@" 2>&1 | tail -c +${heldBytes + 1} >>"$log"`;
  await inShell(script, log, [engine.binary, "logs", ...(follow ? ["--follow"] : []), id]);
}

/** Bytes of a log file; 0 before it is made. */
export async function logBytes(log: string): Promise<number> {
  try {
    return (await stat(log)).size;
  } catch {
    // Not made yet: it is created by the first writer.
    return 0;
  }
}

/** `$log` is the log file and `"$@"` the command. A terminal's Ctrl-C and the end of the agent do not reach it. */
async function inShell(script: string, log: string, command: readonly string[]): Promise<void> {
  await execa("/bin/sh", ["-c", `log=$1; shift; ${script}`, "sh", log, ...command], {
    buffer: false,
    reject: false,
    stdio: "ignore",
    detached: true,
    cleanup: false,
  });
}
