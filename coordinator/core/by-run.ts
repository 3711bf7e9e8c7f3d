/** What belongs to runs, by run, in the order in which it came. */
export function byRun<T extends { readonly run: string }>(items: readonly T[]): Map<string, T[]> {
  const runs = new Map<string, T[]>();
  for (const item of items) {
    const known = runs.get(item.run);
    if (known === undefined) runs.set(item.run, [item]);
    else known.push(item);
  }
  return runs;
}
