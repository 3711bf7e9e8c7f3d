/**
 * A container's output on its way to the log file, past the agent's memory.
 *
 * `start --attach` is a process in a session of its own whose stdout and stderr are the log file: it goes on when the
 * agent ends. When that client itself dies, the container does not notice, and the engine's own copy has what is
 * missing: what the log file already holds is skipped, the rest appended. With the command's stdout and stderr joined
 * inside the container both copies have the same bytes in the same order, so the cut is exact. A command that runs
 * without the wrapper has two streams, and lines around the cut may then be out of order.
 */
import { readFileSync } from "node:fs";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import type { Engine } from "./engine.ts";
import { identify, identityIn } from "./process-census.ts";
import type { Launch } from "./runner.ts";

type Files = Pick<Launch, "log" | "control">;

/** Starts a created container and resolves when its output has ended, or the client has, whatever its status. */
export async function startAttached(engine: Engine, id: string, files: Files): Promise<void> {
  await inShell('exec "$@" >>"$log" 2>&1', files, [engine.binary, "start", "--attach", id]);
}

/** Whether a client carries output to the log, whichever process of the agent has started it. */
export function isClientAlive(control: string): boolean {
  let line: string;
  try {
    line = readFileSync(clientPath(control), "latin1");
  } catch {
    // None was ever started.
    return false;
  }
  const client = identityIn(line);
  return client !== undefined && identify(client.pid)?.startTicks === client.startTicks;
}

/** Appends what the engine kept after the first `heldBytes`; with `follow`, until the container ends. */
export async function appendKept(
  engine: Engine,
  id: string,
  files: Files,
  heldBytes: number,
  follow: boolean,
): Promise<void> {
  const script = `"$@" 2>&1 | tail -c +${heldBytes + 1} >>"$log"`;
  await inShell(script, files, [engine.binary, "logs", ...(follow ? ["--follow"] : []), id]);
}

function clientPath(control: string): string {
  return join(control, "container", "client");
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

/**
 * `$log` is the log file and `"$@"` the command. A terminal's Ctrl-C and the end of the agent do not reach it; for a
 * successor it says who it is before it does anything.
 */
async function inShell(script: string, { log, control }: Files, command: readonly string[]): Promise<void> {
  const introduction = 'log=$1; IFS= read -r self <"/proc/$$/stat" && printf "%s\\n" "$self" >"$2"; shift 2';
  const given = [log, clientPath(control), ...command];
  await execa("/bin/sh", ["-c", `${introduction}; ${script}`, "sh", ...given], {
    buffer: false,
    reject: false,
    stdio: "ignore",
    detached: true,
    cleanup: false,
  });
}
