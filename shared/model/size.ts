/** Amounts of memory as people write them: `512MiB`, `1.5GiB`, `2GB`. */

const unitBytes = new Map([
  ["B", 1],
  ["kB", 1e3],
  ["KB", 1e3],
  ["MB", 1e6],
  ["GB", 1e9],
  ["TB", 1e12],
  ["KiB", 2 ** 10],
  ["MiB", 2 ** 20],
  ["GiB", 2 ** 30],
  ["TiB", 2 ** 40],
]);

/** The whole text as a regular expression, for schemas. */
export const sizePattern = /^(\d+(?:\.\d+)?) ?(B|[kKMGT]B|[KMGT]iB)$/;

/** Bytes, or undefined when the text is no size with a unit. */
export function parseSizeBytes(text: string): number | undefined {
  const match = sizePattern.exec(text);
  if (match === null) return undefined;
  const bytes = Math.round(Number(match[1]) * unitBytes.get(match[2]!)!);
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}
