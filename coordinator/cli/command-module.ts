import type { CommandContext } from "./command-context.ts";

/** Arguments and options as they stand on the command line, by name. The names are the catalogue's, not the user's. */
export type RawInput = Readonly<Record<string, unknown>>;

/** What the file of a command exports: checks its input, does the work and resolves with the exit status. */
export interface CommandModule {
  readonly command: (raw: RawInput, context: CommandContext) => Promise<number>;
}
