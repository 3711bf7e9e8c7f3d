/** What happened, in order, for people: one line with time, node and event. */
export class Trace {
  readonly #monotonicMs: () => number;
  readonly #lines: string[] = [];
  readonly #isKept: boolean;

  /** A trace that is not kept costs nothing: a seed that fails is simulated again with one that is. */
  constructor(monotonicMs: () => number, isKept: boolean) {
    this.#monotonicMs = monotonicMs;
    this.#isKept = isKept;
  }

  add(node: string, tell: () => string): void {
    if (!this.#isKept) return;
    const at = (this.#monotonicMs() / 1000).toFixed(3).padStart(8);
    this.#lines.push(`${at}  ${node.padEnd(14)} ${tell()}`);
  }

  get lines(): readonly string[] {
    return this.#lines;
  }
}
