import type { CachedSource } from "../sources/source-cache.ts";
import type { CommandContext } from "./command-context.ts";
import { exitCode } from "./exit-code.ts";
import { printJson } from "./json-output.ts";
import { listedSource } from "./source-choice.ts";
import { printTable } from "./table-output.ts";
import type { Terminal } from "./terminal.ts";

/** What a listing tells of each source, beside its names. */
export interface SourceColumn {
  readonly title: string;
  readonly detail: (source: CachedSource) => string;
}

export const pathColumn: SourceColumn = { title: "PATH", detail: ({ path }) => path };

export const urlColumn: SourceColumn = { title: "URL", detail: ({ source }) => source.url };

/** Prints sources, each with one thing about it. */
export async function printSourceTable(
  terminal: Terminal,
  title: string,
  rows: readonly (readonly [cached: CachedSource, detail: string])[],
): Promise<void> {
  await printTable(
    terminal,
    [{ title: "PACKAGE" }, { title: "VERSION" }, { title: "SOURCE" }, { title }],
    rows.map(([{ package: owner, source }, detail]) => [owner.name, owner.version, source.id, detail]),
  );
}

/** Prints sources as a command that only lists them does. */
export async function printSources(
  sources: readonly CachedSource[],
  { title, detail }: SourceColumn,
  json: boolean,
  { terminal }: CommandContext,
  nothing = "there is no such source",
): Promise<number> {
  if (json) await printJson(terminal, sources.map(listedSource));
  else if (sources.length === 0) terminal.note(nothing);
  else {
    const rows = sources.map((cached) => [cached, detail(cached)] as const);
    await printSourceTable(terminal, title, rows);
  }
  return exitCode.succeeded;
}
