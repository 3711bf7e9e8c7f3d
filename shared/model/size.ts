/** Amounts of memory as people write them, `512MiB`, `1.5GiB`, `2GB`, and as they like to read them. */

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

const shownUnits = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"] as const;

/** A number of bytes for people: `512 B`, `1.5 KiB`, `20 MiB`. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  // 1023.95 and more would round to 1024.0.
  while (value >= (unit === 0 ? 1024 : 1023.95) && unit < shownUnits.length - 1) {
    value /= 1024;
    unit += 1;
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : 1;
  return `${value.toFixed(digits).replace(/\.0$/, "")} ${shownUnits[unit]}`;
}
