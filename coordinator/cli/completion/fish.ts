import type { Values } from "../catalogue/entry.ts";
import type { CompletedCommand, CompletedGroup } from "./completion-tree.ts";

/** Completion for fish: one `complete` line for each word that may be written. */
export function fishScript(tree: readonly (CompletedCommand | CompletedGroup)[]): string {
  const lines = [
    "# fish completion of millrace: millrace completion fish | source",
    "complete -c millrace -f",
  ];
  const first = "__fish_use_subcommand";
  lines.push(`complete -c millrace -n ${first} -s V -l version -d 'print the version'`);
  for (const entry of tree) {
    lines.push(`complete -c millrace -n ${first} -a ${entry.name} -d ${quoted(entry.summary)}`);
    const inEntry = `__fish_seen_subcommand_from ${entry.name}`;
    if (!("commands" in entry)) {
      lines.push(...commandLines(inEntry, entry));
      continue;
    }
    const names = entry.commands.map(({ name }) => name).join(" ");
    for (const command of entry.commands) {
      const fresh = `${inEntry}; and not __fish_seen_subcommand_from ${names}`;
      lines.push(`complete -c millrace -n ${quoted(fresh)} -a ${command.name} -d ${quoted(command.summary)}`);
      lines.push(...commandLines(`${inEntry}; and __fish_seen_subcommand_from ${command.name}`, command));
    }
  }
  return `${lines.join("\n")}\n`;
}

function commandLines(condition: string, command: CompletedCommand): string[] {
  const start = `complete -c millrace -n ${quoted(condition)}`;
  const options = command.options.map(({ flags, summary, value }) => {
    const names = flags.map((flag) =>
      flag.startsWith("--") ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`,
    );
    return `${start} ${names.join(" ")} -d ${quoted(summary)}${value === undefined ? "" : ` -r${offer(value)}`}`;
  });
  const offers = command.arguments.map(({ values }) => offer(values)).filter((text) => text !== "");
  return [...options, ...offers.map((text) => `${start}${text}`)];
}

function offer(values: Values): string {
  if (values === "file") return " -F";
  if (values === "folder") return " -a '(__fish_complete_directories)'";
  return values === "text" ? "" : ` -a ${quoted(values.join(" "))}`;
}

function quoted(text: string): string {
  return `'${text.replace(/['\\]/g, "\\$&")}'`;
}
