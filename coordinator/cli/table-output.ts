import { csvLines } from "./format/csv.ts";
import { type Column, tableLines } from "./format/table.ts";
import type { Terminal } from "./terminal.ts";

/** Prints rows: aligned under their titles at a terminal, else tab-separated, or as comma-separated values. */
export async function printTable(
  terminal: Terminal,
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  { csv = false }: { readonly csv?: boolean } = {},
): Promise<void> {
  const lines = csv
    ? csvLines(rows)
    : tableLines(columns, rows, terminal.outIsTerminal ? "aligned" : "plain");
  await terminal.write(`${lines.join("\n")}\n`);
}
