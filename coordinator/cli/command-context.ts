import type { Chapter, CommandEntry } from "./catalogue/entry.ts";
import type { Interruption } from "./interruption.ts";
import type { Terminal } from "./terminal.ts";

/** Paths of the built commands, for those that start others. */
export interface Programs {
  readonly millrace: string;
  readonly agent: string;
}

/** What a command is given of the world around it. */
export interface CommandContext {
  /** The command that runs, and all there are. */
  readonly entry: CommandEntry;
  /** How its user calls it, such as `millrace source of`. */
  readonly words: string;
  readonly catalogue: readonly Chapter[];
  readonly terminal: Terminal;
  readonly environment: NodeJS.ProcessEnv;
  readonly interruption: Interruption;
  readonly programs: Programs;
}
