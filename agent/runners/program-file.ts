/** The file that a `program` is run from. */
import { chmodSync, writeFileSync } from "node:fs";

/** Writes it anew, executable whatever the agent's umask. */
export function writeProgram(path: string, text: string): void {
  writeFileSync(path, text);
  chmodSync(path, 0o755);
}
