import { displayWidth, pad, printable, truncate } from "./display-width.ts";

export interface Column {
  readonly title: string;
  /** Numbers line up on the right. */
  readonly align?: "left" | "right";
  /** Shortened beyond this width on a terminal. */
  readonly maxWidth?: number;
}

/**
 * Rows as lines: aligned under their titles for a person, tab-separated and whole without titles for a program.
 * The last column runs on as far as it needs.
 */
export function tableLines(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  form: "aligned" | "plain",
): string[] {
  const clean = rows.map((row) => row.map(printable));
  if (form === "plain") return clean.map((row) => row.join("\t"));
  const cells = [columns.map(({ title }) => title), ...clean].map((row) =>
    row.map((cell, index) => truncate(cell, columns[index]?.maxWidth ?? Number.POSITIVE_INFINITY)),
  );
  const widths = columns.map((_, index) =>
    cells.reduce((widest, row) => Math.max(widest, displayWidth(row[index] ?? "")), 0),
  );
  return cells.map((row) =>
    row
      .map((cell, index) => pad(cell, widths[index] ?? 0, columns[index]?.align))
      .join("  ")
      .trimEnd(),
  );
}
