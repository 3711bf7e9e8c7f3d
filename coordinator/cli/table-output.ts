import { csvLines } from "./format/csv.ts";
import { type Column, tableLines } from "./format/table.ts";
import type { Terminal } from "./terminal.ts";

/**
 * Prints rows: aligned under their titles at a terminal, else tab-separated, or as comma-separated values. Rows that go on
 * with a table that was begun get no titles.
 */
export async function printTable(
  terminal: Terminal,
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  { csv = false, goesOn = false }: { readonly csv?: boolean; readonly goesOn?: boolean } = {},
): Promise<void> {
  const isAligned = terminal.outIsTerminal && !csv;
  const lines = csv ? csvLines(rows) : tableLines(columns, rows, isAligned ? "aligned" : "plain");
  const shown = isAligned && goesOn ? lines.slice(1) : lines;
  await terminal.write(`${shown.join("\n")}\n`);
}
