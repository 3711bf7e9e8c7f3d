import type { KeyKind, LastTime, Remembered, ReuseStore } from "./reuse-store.ts";

/** The store as a model, for tests and simulations. */
export class MemoryReuseStore implements ReuseStore {
  readonly #results = new Map<string, Remembered>();
  readonly #times = new Map<string, LastTime>();

  find(kind: KeyKind, key: string): Promise<Remembered | undefined> {
    return Promise.resolve(this.resultOf(kind, key));
  }

  lastTime(job: string): Promise<LastTime | undefined> {
    return Promise.resolve(this.timeOf(job));
  }

  remember(kind: KeyKind, result: Remembered): Promise<void> {
    return Promise.resolve(this.take(kind, result));
  }

  rememberTime(job: string, last: LastTime): Promise<void> {
    return Promise.resolve(this.takeTime(job, last));
  }

  resultOf(kind: KeyKind, key: string): Remembered | undefined {
    return this.#results.get(`${kind} ${key}`);
  }

  timeOf(job: string): LastTime | undefined {
    return this.#times.get(job);
  }

  take(kind: KeyKind, result: Remembered): void {
    this.#results.set(`${kind} ${result[kind]}`, result);
  }

  takeTime(job: string, last: LastTime): void {
    this.#times.set(job, last);
  }
}
