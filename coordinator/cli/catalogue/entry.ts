/**
 * How a command is described before its code is loaded: `--help`, usage errors and shell completion need no more than
 * this, so they load no other module.
 */
import type { CommandModule } from "../command-module.ts";

/** What completion offers for a value. */
export type Values = "file" | "folder" | "text" | readonly string[];

export interface ArgumentEntry {
  /** Key of the value in the command's input. */
  readonly name: string;
  readonly summary: string;
  readonly optional?: boolean;
  /** Takes all that follows, as a list. */
  readonly many?: boolean;
  readonly values?: Values;
}

export interface OptionEntry {
  /** As commander has it: `-f, --follow` or `--slots <n>`. */
  readonly flags: string;
  /** Names that it has elsewhere and takes, too, such as `--type`; neither help nor completion tells of them. */
  readonly aliases?: readonly string[];
  /** Taken, as it asks for what is so anyway; neither help nor completion tells of it. */
  readonly isHidden?: boolean;
  readonly summary: string;
  /** May be given several times; its value is a list. */
  readonly many?: boolean;
  readonly values?: Values;
}

export interface Example {
  readonly line: string;
  readonly comment: string;
}

export interface CommandEntry {
  readonly name: string;
  /** Names that it has elsewhere and takes, too; help does not list them. */
  readonly aliases?: readonly string[];
  readonly summary: string;
  /** What the summary leaves out; shown in the command's own help. */
  readonly description?: string;
  /** Arguments as usage shows them, where their list says it badly. */
  readonly usage?: string;
  readonly arguments?: readonly ArgumentEntry[];
  readonly options?: readonly OptionEntry[];
  readonly examples?: readonly Example[];
  readonly load: () => Promise<CommandModule>;
}

export interface GroupEntry {
  readonly name: string;
  readonly summary: string;
  readonly commands: readonly CommandEntry[];
  /** The command meant when none is named. */
  readonly standard?: string;
}

export interface Chapter {
  readonly title: string;
  readonly entries: readonly (CommandEntry | GroupEntry)[];
}

/** Tells a group of commands from a command. */
export function isGroup(entry: CommandEntry | GroupEntry): entry is GroupEntry {
  return "commands" in entry;
}
