import type { z } from "zod";
import { MillraceError } from "../../shared/model/error.ts";
import type { CommandEntry } from "./catalogue/entry.ts";
import type { CommandContext } from "./command-context.ts";
import type { CommandModule } from "./command-module.ts";

/** A command: its input is checked by the schema, `--timeout` is armed, then `execute` gives the exit status. */
export function defineCommand<S extends z.ZodType>(
  schema: S,
  execute: (input: z.output<S>, context: CommandContext) => Promise<number>,
): CommandModule["command"] {
  return async (raw, context) => {
    const parsed = schema.safeParse(raw);
    if (!parsed.success) throw usageError(context, parsed.error.issues);
    const { timeout } = parsed.data as { readonly timeout?: number };
    if (timeout !== undefined) context.interruption.limit(timeout);
    return await execute(parsed.data, context);
  };
}

function usageError({ entry, words }: CommandContext, issues: readonly z.core.$ZodIssue[]): MillraceError {
  const sentences = issues.map(({ path, message }) => `${nameOnTheLine(entry, path[0])}${message}`);
  return new MillraceError("badInput", sentences.join("; "), {
    fix: `See ${words} --help.`,
  });
}

/** The name of a value as its user wrote it. */
function nameOnTheLine(entry: CommandEntry, key: PropertyKey | undefined): string {
  if (key === undefined) return "";
  const name = String(key);
  if (entry.arguments?.some((argument) => argument.name === name)) return `<${name}> `;
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)} `;
}
