/**
 * Keeps the estimates of a namespace across runs and leaders: the object `estimates`, replaced as a whole. Nothing refers
 * to it and its name is no digest, so it is never collected. Nothing but time rests on it: a save may be lost, and what
 * can't be read is left aside.
 *
 * Safe: a save carries its leader's epoch, and never replaces that of a later one.
 */
import type { Objects } from "../../shared/store/objects.ts";
import { TimeSlice } from "../../shared/store/time-slice.ts";
import { Estimates } from "../core/estimates.ts";

const NAME = "estimates";
/** Many times what it takes; whoever ends is not kept longer by it. */
const SAVE_LIMIT_MS = 2_000;

/** The estimates in a bucket of objects. */
export function openEstimateStore(objects: Objects): EstimateStore {
  const slice = new TimeSlice();
  const giveWay = async (): Promise<void> => {
    if (slice.isOver) await slice.rest();
  };
  return new EstimateStore({ objects, giveWay });
}

export interface EstimateStoreOptions {
  readonly objects: Objects;
  /** Called between steps: lets others go on when it is time to. */
  readonly giveWay: () => Promise<void>;
}

export class EstimateStore {
  readonly #options: EstimateStoreOptions;

  constructor(options: EstimateStoreOptions) {
    this.#options = options;
  }

  /** Undefined when none were ever saved. A RangeError tells of bytes that this version can't read. */
  async read(): Promise<Estimates | undefined> {
    const { objects, giveWay } = this.#options;
    if ((await objects.info(NAME)) === undefined) return undefined;
    const pieces: Uint8Array[] = [];
    for await (const piece of objects.get(NAME)) pieces.push(piece);
    const steps = Estimates.decode(Buffer.concat(pieces));
    for (;;) {
      const { done, value } = steps.next();
      if (done) return value;
      await giveWay();
    }
  }

  /** False when a later leader has saved. */
  async save(estimates: Estimates, epoch: number): Promise<boolean> {
    const { objects, giveWay } = this.#options;
    const pieces: Uint8Array[] = [];
    for (const piece of estimates.encode()) {
      pieces.push(piece);
      await giveWay();
    }
    const signal = AbortSignal.timeout(SAVE_LIMIT_MS);
    return objects.replace(NAME, () => pieces, epoch, { signal });
  }
}
