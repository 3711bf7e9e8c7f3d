/** Takes the indentation away that all lines with text have in common. */
export function unindented(text: string): string {
  const depth = commonIndentation(text);
  return text
    .split("\n")
    .map((line) => (line.length > depth ? line.slice(depth) : ""))
    .join("\n");
}

/** Spaces and tabs that every line with text begins with. */
export function commonIndentation(text: string): number {
  const depths = text
    .split("\n")
    .map((line) => line.search(/[^ \t]/))
    .filter((depth) => depth >= 0);
  return depths.reduce((least, depth) => Math.min(least, depth), depths[0] ?? 0);
}
