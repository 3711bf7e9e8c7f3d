/** A limit on how long something is waited for. */
import type { Clock } from "../../shared/actor/contract.ts";

/** What comes of it; undefined when it takes longer. */
export function within<T>(clock: Clock, limitMs: number, awaited: Promise<T>): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const cancel = clock.schedule(limitMs, () => resolve(undefined));
    awaited.then(resolve, reject).finally(cancel);
  });
}
