/** Prints what was found as it comes: as a table, as comma-separated values or as JSON, however long it is. */
import type { Column } from "../format/table.ts";
import { printJsonArray } from "../json-output.ts";
import { printTable } from "../table-output.ts";
import type { Terminal } from "../terminal.ts";

export interface Listing<T> {
  readonly columns: readonly Column[];
  /** `aligned` is for people: ages instead of times, sizes with units. */
  row(item: T, form: "aligned" | "plain"): string[];
  /** What JSON tells of it. */
  document(item: T): unknown;
  /** Said when there is nothing. */
  readonly emptyNote: string;
}

/** Rows that are aligned with each other, and held until they are printed. */
const ROWS_AT_ONCE = 500;

export async function printListing<T>(
  terminal: Terminal,
  items: AsyncIterable<T>,
  listing: Listing<T>,
  { csv, json }: { readonly csv: boolean; readonly json: boolean },
): Promise<void> {
  if (json) return await printJsonArray(terminal, documents(items, listing));
  const form = terminal.outIsTerminal && !csv ? "aligned" : "plain";
  let isFirst = true;
  let rows: string[][] = [];
  const flush = async (): Promise<void> => {
    if (rows.length === 0) return;
    await printTable(terminal, listing.columns, rows, { csv, goesOn: !isFirst });
    rows = [];
    isFirst = false;
  };
  for await (const item of items) {
    rows.push(listing.row(item, form));
    if (rows.length === ROWS_AT_ONCE) await flush();
  }
  await flush();
  if (isFirst) terminal.note(listing.emptyNote);
}

async function* documents<T>(items: AsyncIterable<T>, { document }: Listing<T>): AsyncGenerator {
  for await (const item of items) yield document(item);
}
