/** Rows as comma-separated values (RFC 4180), without a header, as butido prints them. */
export function csvLines(rows: readonly (readonly string[])[]): string[] {
  return rows.map((row) => row.map(csvField).join(","));
}

function csvField(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
