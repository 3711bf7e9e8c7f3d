/** The fixed paths of the layout `package`, and the command that is run there. Pure. */
import type { Command } from "../../shared/model/job-spec.ts";

/** What a job of a package finds, and where it leaves what it makes; the last it makes itself. */
export const packagePaths = {
  inputs: "/inputs",
  patches: "/patches",
  script: "/script",
  outputs: "/outputs",
} as const;

/** The folders and files of one, by name, below the folder on the host that stands for `/`. */
export const packageNames = {
  inputs: "inputs",
  patches: "patches",
  script: "script",
  outputs: "outputs",
} as const;

/** The command as it is run among these paths. */
export function packageCommand(command: Command): readonly string[] {
  if ("argv" in command) return command.argv;
  return "program" in command ? [packagePaths.script] : ["/bin/sh", "-e", packagePaths.script];
}

/** The text of `/script`; undefined for a command that has none. */
export function packageScript(command: Command): string | undefined {
  if ("argv" in command) return undefined;
  return "program" in command ? command.program : command.script;
}
