/** How often each kind of trouble really happened. */
export class Coverage {
  readonly counts = new Map<string, number>();

  count(kind: string, times = 1): void {
    if (times > 0) this.counts.set(kind, (this.counts.get(kind) ?? 0) + times);
  }

  /** Takes the counts of another simulation in. */
  add(counts: Iterable<readonly [string, number]>): void {
    for (const [kind, times] of counts) this.count(kind, times);
  }

  /** A table for people, most frequent first. */
  describe(): string {
    const rows = [...this.counts].sort((a, b) => b[1] - a[1] || a[0].localeCompare(b[0]));
    return rows.map(([kind, times]) => `${String(times).padStart(9)}  ${kind}`).join("\n");
  }
}
