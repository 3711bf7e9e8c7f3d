import type { Values } from "../catalogue/entry.ts";
import type { CompletedCommand, CompletedGroup, CompletedOption } from "./completion-tree.ts";

/** Completion for zsh, to be sourced or saved as `_millrace` in a folder of `fpath`. */
export function zshScript(tree: readonly (CompletedCommand | CompletedGroup)[]): string {
  const functions = tree.flatMap((entry) =>
    "commands" in entry
      ? [
          groupFunction(entry),
          ...entry.commands.map((command) => commandFunction(`${entry.name}_${command.name}`, command)),
        ]
      : [commandFunction(entry.name, entry)],
  );
  return `#compdef millrace
# zsh completion of millrace: source <(millrace completion zsh)
${functions.join("\n")}
_millrace() {
  local curcontext="$curcontext" state line
  local -a commands
  commands=(
${tree.map(({ name, summary }) => `    ${quoted(`${name}:${summary}`)}`).join("\n")}
  )
  _arguments -C '(-h --help)'{-h,--help}'[print this help]' '(-V --version)'{-V,--version}'[print the version]' \\
    '1: :->command' '*:: :->rest'
  case "$state" in
    command) _describe -t commands 'millrace command' commands ;;
    rest) (( $+functions[_millrace_$words[1]] )) && "_millrace_$words[1]" ;;
  esac
}
if [[ "$funcstack[1]" == _millrace ]]; then _millrace "$@"; else compdef _millrace millrace; fi
`;
}

function groupFunction({ name, summary, commands }: CompletedGroup): string {
  return `_millrace_${name}() {
  local curcontext="$curcontext" state line
  local -a commands
  commands=(
${commands.map((command) => `    ${quoted(`${command.name}:${command.summary}`)}`).join("\n")}
  )
  _arguments -C '1: :->command' '*:: :->rest'
  case "$state" in
    command) _describe -t commands ${quoted(summary)} commands ;;
    rest) (( $+functions[_millrace_${name}_$words[1]] )) && "_millrace_${name}_$words[1]" ;;
  esac
}`;
}

function commandFunction(name: string, command: CompletedCommand): string {
  const specs = command.options.flatMap(optionSpecs);
  command.arguments.forEach((argument, index) => {
    const position = argument.many ? "*" : String(index + 1);
    specs.push(quoted(`${position}:${argument.name}:${action(argument.values)}`));
  });
  return `_millrace_${name}() {\n  _arguments \\\n    ${specs.join(" \\\n    ")}\n}`;
}

function optionSpecs({ flags, summary, value }: CompletedOption): string[] {
  const text = `[${summary.replace(/[[\]\\:]/g, "\\$&")}]`;
  const rest = value === undefined ? "" : `:value:${action(value)}`;
  return flags.map((flag) => quoted(`*${flag}${text}${rest}`));
}

function action(values: Values): string {
  if (values === "file") return "_files";
  if (values === "folder") return "_files -/";
  return values === "text" ? " " : `(${values.join(" ")})`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
