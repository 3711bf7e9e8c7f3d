/** The file that a `program`, or a package's script, is run from. */
import { chmodSync, writeFileSync } from "node:fs";
import { packageScript } from "./package-paths.ts";
import type { Launch } from "./runner.ts";

/** Writes it, executable whatever the agent's umask, for a command that has one. */
export function writeProgram({ command, packageRoot, program }: Launch): void {
  const text = packageRoot === undefined && "script" in command ? undefined : packageScript(command);
  if (text === undefined) return;
  writeFileSync(program, text);
  chmodSync(program, 0o755);
}
