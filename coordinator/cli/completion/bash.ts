import type { Values } from "../catalogue/entry.ts";
import type { CompletedCommand, CompletedGroup } from "./completion-tree.ts";

/** Completion for bash 4 and later; needs nothing of the bash-completion package. */
export function bashScript(tree: readonly (CompletedCommand | CompletedGroup)[]): string {
  const names = tree.map(({ name }) => name).join(" ");
  const groups = tree.flatMap((entry) => ("commands" in entry ? [entry] : []));
  const paths = tree.flatMap((entry): [string, CompletedCommand][] =>
    "commands" in entry
      ? entry.commands.map((command) => [`${entry.name} ${command.name}`, command])
      : [[entry.name, entry]],
  );
  const values = paths.flatMap(([path, command]) => valueCases(path, command));
  const words = paths.map(([path, command]) => wordCase(path, command));
  const subcommands = groups.map(
    ({ name, commands }) =>
      `    "${name}") words="${commands.map((command) => command.name).join(" ")} --help" ;;`,
  );
  return `# bash completion of millrace: source <(millrace completion bash)
_millrace() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="" path="" words="" kind="" word index
  ((COMP_CWORD > 0)) && previous="\${COMP_WORDS[COMP_CWORD - 1]}"
  COMPREPLY=()
  for ((index = 1; index < COMP_CWORD; index++)); do
    word="\${COMP_WORDS[index]}"
    case "$path $word" in
      " "-*) ;;
      " "*) path="$word" ;;
${groups.map(({ name, commands }) => `      ${commands.map((command) => `"${name} ${command.name}"`).join("|")}) path="${name} $word" ;;`).join("\n")}
    esac
  done
  case "$path|$previous" in
${values.join("\n")}
  esac
  if [[ -z $kind ]]; then
    case "$path" in
    "") words="${names} help --help --version" ;;
${subcommands.join("\n")}
${words.join("\n")}
    esac
  fi
  case "$kind" in
    file) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
    folder) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -d -- "$current"); return ;;
    text) return ;;
  esac
  if [[ $kind == arguments-file && $current != -* ]]; then
    compopt -o filenames 2>/dev/null
    mapfile -t COMPREPLY < <(compgen -f -- "$current")
    return
  fi
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
}
complete -F _millrace millrace
`;
}

function valueCases(path: string, command: CompletedCommand): string[] {
  return command.options.flatMap(({ flags, value }) => {
    if (value === undefined) return [];
    const patterns = flags.map((flag) => `"${path}|${flag}"`).join("|");
    return [`    ${patterns}) ${valueAction(value)} ;;`];
  });
}

function valueAction(value: Values): string {
  return typeof value === "string" ? `kind=${value}` : `kind=words; words="${value.join(" ")}"`;
}

function wordCase(path: string, command: CompletedCommand): string {
  const flags = command.options.flatMap((option) => option.flags).join(" ");
  const [first] = command.arguments;
  const offered = typeof first?.values === "object" ? `${first.values.join(" ")} ${flags}` : flags;
  const kind = first?.values === "file" ? "; kind=arguments-file" : "";
  return `    "${path}") words="${offered}"${kind} ;;`;
}
