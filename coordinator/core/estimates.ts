/**
 * How long jobs took lately, as the estimate of how long they will take. Each job is known under two keys: what it is (its
 * name and what it runs), and its name alone, for a job whose script has changed since.
 *
 *   unknown ──it succeeds──▶ known, by its last durations ──so many others have succeeded since──▶ forgotten
 *
 * 1. A key has one to `DURATIONS` durations, the latest, in order; 2. there are at most `capacity` keys, and the half of it
 * that was used last is never forgotten; 3. a table that is encoded and decoded says the same; encoded it takes less than
 * 4 MiB. A duration is held as a step on a logarithmic scale, of a thirtieth of a percent, in two bytes.
 */
import { JOB_KEY_BYTES, type JobKeys } from "../../shared/model/job-keys.ts";

/** How long a job takes. */
export interface Estimate {
  readonly medianMs: number;
  /** Median of the distances from the median. */
  readonly spreadMs: number;
  /** How many durations that rests on. */
  readonly runs: number;
}

/** The latest durations that are kept of each key. */
const DURATIONS = 15;
const DEFAULT_CAPACITY = 100_000;
const STEPS_PER_DOUBLING = 2048;
const LONGEST_STEP = 0xffff;
const FORMAT = 1;
/** Keys that are encoded or decoded in one step. */
const STEP_KEYS = 5_000;

export class Estimates {
  readonly #capacity: number;
  /** Steps by key, the latest last: of what has succeeded lately, and, below it, of what did before that. */
  #recent = new Map<number, number[]>();
  #older = new Map<number, number[]>();
  #changes = 0;

  constructor(capacity: number = DEFAULT_CAPACITY) {
    this.#capacity = capacity;
  }

  /** Grows with each success that is told: an unchanged number is an unchanged table. */
  get changes(): number {
    return this.#changes;
  }

  get isEmpty(): boolean {
    return this.#recent.size === 0 && this.#older.size === 0;
  }

  /** A job has succeeded. */
  onSucceeded({ definition, name }: JobKeys, wallMs: number): void {
    this.#changes += 1;
    const step = stepOf(wallMs);
    this.#append(name, [step]);
    this.#append(definition, [step]);
  }

  /** By what the job is, else by its name alone. */
  of({ definition, name }: JobKeys): Estimate | undefined {
    const steps = this.#stepsOf(definition) ?? this.#stepsOf(name);
    if (steps === undefined) return undefined;
    const durations = steps.map(durationOf);
    const medianMs = medianOf(durations);
    const spreadMs = medianOf(durations.map((ms) => Math.abs(ms - medianMs)));
    return { medianMs, spreadMs, runs: steps.length };
  }

  /** Takes in what was known before, which counts as older than all that is known here; `earlier` is not to be used again. */
  takeOver(earlier: Estimates): void {
    const later = [...this.#entries()];
    this.#recent = earlier.#recent;
    this.#older = earlier.#older;
    for (const [key, steps] of later) this.#append(key, steps);
  }

  /** The table in pieces, each of which is made in a few milliseconds; what changes meanwhile may be in them or not. */
  *encode(): Generator<Uint8Array> {
    yield Uint8Array.of(FORMAT);
    let batch: [number, readonly number[]][] = [];
    for (const entry of this.#entries()) {
      batch.push(entry);
      if (batch.length < STEP_KEYS) continue;
      yield encoded(batch);
      batch = [];
    }
    yield encoded(batch);
  }

  /** In steps as well. Throws a RangeError for what is no such table, or of a version that this one does not know. */
  static *decode(bytes: Buffer, capacity: number = DEFAULT_CAPACITY): Generator<void, Estimates> {
    if (bytes[0] !== FORMAT) throw new RangeError("it is of another version");
    const estimates = new Estimates(capacity);
    let keys = 0;
    for (let at = 1; at < bytes.length; ) {
      const key = bytes.readUIntBE(at, JOB_KEY_BYTES);
      const length = bytes.readUInt8(at + JOB_KEY_BYTES);
      at += JOB_KEY_BYTES + 1;
      if (length === 0 || length > DURATIONS) throw new RangeError(`it has ${length} durations of a job`);
      const steps: number[] = new Array(length);
      for (let index = 0; index < length; index++, at += 2) steps[index] = bytes.readUInt16BE(at);
      // A key that was used while the table was encoded may be there twice.
      estimates.#place(key, steps);
      keys += 1;
      if (keys % STEP_KEYS === 0) yield;
    }
    return estimates;
  }

  #stepsOf(key: number): readonly number[] | undefined {
    return this.#recent.get(key) ?? this.#older.get(key);
  }

  #append(key: number, later: readonly number[]): void {
    const steps = this.#recent.get(key);
    if (steps !== undefined) {
      steps.push(...later);
      steps.splice(0, steps.length - DURATIONS);
      return;
    }
    this.#place(key, [...(this.#older.get(key) ?? []), ...later].slice(-DURATIONS));
  }

  #place(key: number, steps: number[]): void {
    // Half of the table goes at a time: to find the oldest one each time would cost more than all the rest.
    if (this.#recent.size >= this.#capacity / 2 && !this.#recent.has(key)) {
      this.#older = this.#recent;
      this.#recent = new Map();
    }
    this.#recent.set(key, steps);
  }

  /** Each key once, those with the earliest success first. */
  *#entries(): Generator<[number, readonly number[]]> {
    const [older, recent] = [this.#older, this.#recent];
    for (const [key, steps] of older) if (!recent.has(key)) yield [key, steps];
    yield* recent;
  }
}

function encoded(entries: readonly [number, readonly number[]][]): Uint8Array {
  const durations = entries.reduce((sum, [, steps]) => sum + steps.length, 0);
  const bytes = Buffer.allocUnsafe(entries.length * (JOB_KEY_BYTES + 1) + 2 * durations);
  let at = 0;
  for (const [key, steps] of entries) {
    at = bytes.writeUIntBE(key, at, JOB_KEY_BYTES);
    at = bytes.writeUInt8(steps.length, at);
    for (const step of steps) at = bytes.writeUInt16BE(step, at);
  }
  return bytes;
}

function stepOf(ms: number): number {
  return Math.min(LONGEST_STEP, Math.round(Math.log2(1 + Math.max(0, ms)) * STEPS_PER_DOUBLING));
}

function durationOf(step: number): number {
  return Math.round(2 ** (step / STEPS_PER_DOUBLING) - 1);
}

/** Of at least one number. */
export function medianOf(numbers: ArrayLike<number>): number {
  const sorted = Float64Array.from(numbers).sort();
  const middle = sorted.length >> 1;
  const upper = sorted[middle] as number;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] as number) + upper) / 2;
}
