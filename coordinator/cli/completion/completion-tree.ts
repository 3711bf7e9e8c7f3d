/** The catalogue as completion needs it: words, flags and what their values may be. */
import {
  type Chapter,
  type CommandEntry,
  isGroup,
  type OptionEntry,
  type Values,
} from "../catalogue/entry.ts";

export interface CompletedOption {
  /** `-f`, `--follow`. */
  readonly flags: readonly string[];
  readonly summary: string;
  /** Undefined for a flag without value. */
  readonly value: Values | undefined;
}

export interface CompletedCommand {
  readonly name: string;
  readonly summary: string;
  readonly options: readonly CompletedOption[];
  /** Of each argument in turn; the last one stands for all that follow when `many`. */
  readonly arguments: readonly { readonly name: string; readonly values: Values; readonly many: boolean }[];
}

export interface CompletedGroup {
  readonly name: string;
  readonly summary: string;
  readonly commands: readonly CompletedCommand[];
}

const help: CompletedOption = { flags: ["-h", "--help"], summary: "print this help", value: undefined };

/** Flattens the chapters. */
export function completionTree(chapters: readonly Chapter[]): (CompletedCommand | CompletedGroup)[] {
  return chapters.flatMap(({ entries }) =>
    entries.map((entry) => {
      if (!isGroup(entry)) return completedCommand(entry);
      return { name: entry.name, summary: entry.summary, commands: entry.commands.map(completedCommand) };
    }),
  );
}

function completedCommand(entry: CommandEntry): CompletedCommand {
  return {
    name: entry.name,
    summary: entry.summary,
    options: [
      ...(entry.options ?? []).filter(({ isHidden }) => isHidden !== true).map(completedOption),
      help,
    ],
    arguments: (entry.arguments ?? []).map(({ name, values = "text", many = false }) => ({
      name,
      values,
      many,
    })),
  };
}

function completedOption({ flags, summary, values = "text" }: OptionEntry): CompletedOption {
  const words = flags.split(/,? +/);
  const takesValue = words.some((word) => word.startsWith("<"));
  return {
    flags: words.filter((word) => word.startsWith("-")),
    summary,
    value: takesValue ? values : undefined,
  };
}
