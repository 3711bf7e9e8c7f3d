import type { Chapter } from "../catalogue/entry.ts";
import { bashScript } from "./bash.ts";
import { completionTree } from "./completion-tree.ts";
import { fishScript } from "./fish.ts";
import { zshScript } from "./zsh.ts";

export type Shell = "bash" | "zsh" | "fish";

const scripts = { bash: bashScript, zsh: zshScript, fish: fishScript } as const;

/** A script for the shell that completes every command of the catalogue. */
export function completionScript(shell: Shell, chapters: readonly Chapter[]): string {
  return scripts[shell](completionTree(chapters));
}
