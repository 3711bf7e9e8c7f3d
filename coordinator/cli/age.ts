/** How long ago something was, as butido's users write it: `2h`, `3 days`, `1month 2weeks`. */

const secondMs = 1000;
const dayMs = 86_400 * secondMs;

/** As long as butido's: a month is 30.44 days, a year 365.25. */
const units: readonly (readonly [pattern: RegExp, ms: number])[] = [
  [/^(ms|msec|millis)$/, 1],
  [/^(s|sec|secs|seconds?)$/, secondMs],
  [/^(m|min|mins|minutes?)$/, 60 * secondMs],
  [/^(h|hr|hrs|hours?)$/, 3600 * secondMs],
  [/^(d|days?)$/, dayMs],
  [/^(w|weeks?)$/, 7 * dayMs],
  [/^(M|months?)$/, 30.44 * dayMs],
  [/^(y|years?)$/, 365.25 * dayMs],
];

/** Milliseconds, or undefined when the text is no age. */
export function parseAgeMs(text: string): number | undefined {
  if (!/^(\s*\d+(\.\d+)?\s*[a-zA-Z]+)+\s*$/.test(text)) return undefined;
  let ms = 0;
  for (const [, amount, unit = ""] of text.matchAll(/(\d+(?:\.\d+)?)\s*([a-zA-Z]+)/g)) {
    const known = units.find(([pattern]) => pattern.test(unit));
    if (known === undefined) return undefined;
    ms += Number(amount) * known[1];
  }
  return Math.round(ms);
}
