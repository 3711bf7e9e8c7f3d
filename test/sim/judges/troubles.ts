/** When an agent could not be heard or had not what it needs, by what the simulation did to it: the excuses for a loss. */
export class Troubles {
  readonly #monotonicMs: () => number;
  /** Open ones have no end. */
  readonly #byAgent = new Map<string, { readonly fromMs: number; untilMs: number }[]>();

  constructor(monotonicMs: () => number) {
    this.#monotonicMs = monotonicMs;
  }

  /** Something is wrong with an agent from this moment on; returns how to say that it is over. */
  begin(agent: string): () => void {
    const trouble = { fromMs: this.#monotonicMs(), untilMs: Number.POSITIVE_INFINITY };
    const known = this.#byAgent.get(agent);
    if (known === undefined) this.#byAgent.set(agent, [trouble]);
    else known.push(trouble);
    return () => {
      trouble.untilMs = Math.min(trouble.untilMs, this.#monotonicMs());
    };
  }

  /** Whether something was wrong with it at any time since. */
  hadSince(agent: string, sinceMs: number): boolean {
    return (this.#byAgent.get(agent) ?? []).some(({ untilMs }) => untilMs >= sinceMs);
  }
}
