import type { Column } from "../format/table.ts";
import { printJson } from "../json-output.ts";
import { printTable } from "../table-output.ts";
import type { Terminal } from "../terminal.ts";

export interface AnswerListing {
  readonly columns: readonly Column[];
  readonly rows: readonly (readonly string[])[];
  /** The same as programs get it. */
  readonly document: unknown;
}

/** Prints rows as a table, as CSV, or the document as JSON. */
export async function printAnswers(
  terminal: Terminal,
  { csv, json }: { readonly csv: boolean; readonly json: boolean },
  { columns, rows, document }: AnswerListing,
): Promise<void> {
  if (json) return await printJson(terminal, document);
  if (rows.length === 0) return;
  await printTable(terminal, columns, rows, { csv });
}
