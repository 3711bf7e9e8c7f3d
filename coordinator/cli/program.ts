/** The catalogue as a commander program: parses the command line, then loads and runs the one command it names. */
import { Argument, Command, CommanderError, Option } from "commander";
import type {
  ArgumentEntry,
  Chapter,
  CommandEntry,
  Example,
  GroupEntry,
  OptionEntry,
} from "./catalogue/entry.ts";
import { isGroup } from "./catalogue/entry.ts";
import type { RawInput } from "./command-module.ts";
import { exitCode } from "./exit-code.ts";

/** Carries out the command that was named; `words` are how its user calls it, such as `millrace source of`. */
export type Carrier = (entry: CommandEntry, input: RawInput, words: string) => Promise<number>;

const introduction = `Examples:
  millrace run build.yaml            run a graph here, with live progress
  millrace submit build.yaml         hand it to the cluster that MILLRACE_SERVER names
  millrace logs last compile         what a job wrote
  millrace <command> --help          options and examples of a command

Exit status: 0 all succeeded, 1 a job failed, 2 bad input or usage, 3 infrastructure, 130 interrupted.
`;

/** Parses the arguments, runs the command, and resolves with the exit status. */
export async function runProgram(
  chapters: readonly Chapter[],
  version: string,
  argv: readonly string[],
  carry: Carrier,
): Promise<number> {
  let status: number = exitCode.succeeded;
  const program = new Command("millrace")
    .description("Runs graphs of build jobs on a fleet of hosts.")
    .version(version, "-V, --version", "print the version")
    .helpOption("-h, --help", "print this help")
    .addHelpCommand(helpCommand(chapters.at(-1)))
    .configureHelp({ subcommandTerm })
    .showHelpAfterError("(millrace --help shows the commands)")
    .addHelpText("after", `\n${introduction}`)
    .exitOverride();
  const carryOut: Carrier = async (...named) => {
    status = await carry(...named);
    return status;
  };
  for (const { title, entries } of chapters) {
    for (const entry of entries) {
      const command = isGroup(entry)
        ? groupCommand(entry, carryOut)
        : leafCommand(entry, "millrace", carryOut);
      program.addCommand(command.helpGroup(`${title}:`));
    }
  }
  try {
    await program.parseAsync([...argv], { from: "user" });
    return status;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    // Commander has printed what it has to say: help that was asked for, or the mistake.
    return error.exitCode === 0 ? exitCode.succeeded : exitCode.usage;
  }
}

function groupCommand(group: GroupEntry, carry: Carrier): Command {
  const command = new Command(group.name)
    .summary(group.summary)
    .description(`${capitalised(group.summary)}.`)
    .helpOption("-h, --help", "print this help")
    .configureHelp({ subcommandTerm })
    .helpCommand(false)
    .exitOverride()
    .showHelpAfterError(`(millrace ${group.name} --help shows its commands)`);
  for (const entry of group.commands) {
    const isDefault = entry.name === group.standard;
    const leaf = leafCommand(entry, `millrace ${group.name}`, carry);
    if (isDefault) leaf.summary(`${entry.summary}; also without its name`);
    command.addCommand(leaf, { isDefault });
  }
  return command;
}

/** `help` stands with the last commands, not in a chapter of its own. */
function helpCommand(chapter: Chapter | undefined): Command {
  const command = new Command("help").argument("[command]").description("print the help of a command");
  return chapter === undefined ? command : command.helpGroup(`${chapter.title}:`);
}

/** How a list of commands shows one: its options would be noise there. */
function subcommandTerm(command: Command): string {
  return `${command.name()} ${command.usage().replace("[options]", "").replace("[command]", "").trim()}`.trimEnd();
}

function leafCommand(entry: CommandEntry, parent: string, carry: Carrier): Command {
  const words = `${parent} ${entry.name}`;
  const command = new Command(entry.name)
    .summary(entry.summary)
    .description(
      `${capitalised(entry.summary)}.${entry.description === undefined ? "" : `\n\n${entry.description}`}`,
    )
    .helpOption("-h, --help", "print this help")
    // A summary names the values it takes; commander would list them a second time.
    .configureHelp({
      optionDescription: ({ description }) => description,
      argumentDescription: ({ description }) => description,
    })
    .exitOverride()
    .showHelpAfterError(`(${words} --help shows usage and examples)`)
    .addHelpText("after", examplesText(entry.examples ?? []));
  command.aliases([...(entry.aliases ?? [])]);
  if (entry.usage !== undefined) command.usage(`[options] ${entry.usage}`);
  for (const argument of entry.arguments ?? []) command.addArgument(commanderArgument(argument));
  for (const option of entry.options ?? []) {
    command.addOption(commanderOption(option));
    for (const alias of option.aliases ?? []) command.addOption(aliasOption(option, alias));
  }
  return command.action(async () => {
    const input = {
      ...optionValues(entry, command.opts()),
      ...positionals(entry, command.processedArgs),
    };
    await carry(entry, input, words);
  });
}

function commanderArgument(entry: ArgumentEntry): Argument {
  const name = entry.many === true ? `${entry.name}...` : entry.name;
  const argument = new Argument(entry.optional === true ? `[${name}]` : `<${name}>`, entry.summary);
  return typeof entry.values === "object" ? argument.choices(entry.values) : argument;
}

function commanderOption(entry: OptionEntry): Option {
  const option = new Option(entry.flags, entry.summary);
  option.hideHelp(entry.isHidden === true);
  if (typeof entry.values === "object") option.choices(entry.values);
  if (entry.many === true)
    option.argParser((value, before: string[] | undefined) => [...(before ?? []), value]);
  return option;
}

/** The same option under another name. */
function aliasOption(entry: OptionEntry, alias: string): Option {
  const [value = ""] = / <.*>$/.exec(entry.flags) ?? [];
  return commanderOption({ ...entry, flags: `${alias}${value}` }).hideHelp();
}

/** Values by name; what was given under an alias counts as given under the name. */
function optionValues(entry: CommandEntry, given: Readonly<Record<string, unknown>>): RawInput {
  const names = new Map<string, string>();
  for (const { flags, aliases = [] } of entry.options ?? []) {
    const name = new Option(flags).attributeName();
    for (const alias of aliases) names.set(new Option(alias).attributeName(), name);
  }
  return Object.fromEntries(Object.entries(given).map(([key, value]) => [names.get(key) ?? key, value]));
}

/** Values by name; an argument that was left out is absent. */
function positionals(entry: CommandEntry, values: readonly unknown[]): RawInput {
  const pairs = (entry.arguments ?? []).map(({ name }, index) => [name, values[index]] as const);
  return Object.fromEntries(pairs.filter(([, value]) => value !== undefined));
}

function examplesText(examples: readonly Example[]): string {
  if (examples.length === 0) return "";
  const lines = examples.map(({ line, comment }) => `  # ${comment}\n  ${line}`);
  return `\nExamples:\n${lines.join("\n")}`;
}

function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
