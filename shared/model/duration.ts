/** Durations as people write them: `90s`, `10m`, `1h30m`, `500ms`, `1.5h`. */

const unitMs = new Map([
  ["ms", 1],
  ["s", 1000],
  ["m", 60_000],
  ["h", 3_600_000],
  ["d", 86_400_000],
]);

/** The longest duration: what a 32-bit timer can wait, in whole days. */
export const MAX_DURATION_MS = 24 * 86_400_000;

/** The whole text as a regular expression, for schemas. */
export const durationPattern = /^(\d+(\.\d+)?(ms|s|m|h|d))+$/;

/** Milliseconds, or undefined when the text is no duration with units. Not checked against any limit. */
export function parseDurationMs(text: string): number | undefined {
  if (!durationPattern.test(text)) return undefined;
  let ms = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)) {
    ms += Number(amount) * unitMs.get(unit!)!;
  }
  return Math.round(ms);
}
