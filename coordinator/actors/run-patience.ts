/**
 * What a run asks of its stores, until it is done. A store that is away, full or slow for minutes is no defect of the
 * run: it is asked again for as long as it takes, and only what repeating can't mend is the caller's to judge.
 *
 *   asked ──done──▶ (forgotten)
 *     ▲ │
 *     │ └──unavailable──▶ resting ──its time is over, or the server is back──▶ asked
 *
 * Safe: 1. one errand of a name is under way at a time, and it is repeated as it was (the same batch, the same events),
 * so that what was stored without an answer is recognised. Live: 2. a rest lasts half a minute at most.
 */
import type { Cancel, Context } from "../../shared/actor/contract.ts";
import { asMillraceError } from "../../shared/model/error.ts";
import type { RunMessage, StoreWait } from "./messages.ts";

export type StoreFailure = Extract<RunMessage, { kind: "storeFailed" }>;

export interface StoreRequest<T> {
  /** For people, too: `the append to its journal`. */
  readonly name: string;
  readonly request: () => Promise<T>;
  readonly patienceMs?: number;
}

interface Errand {
  readonly ask: () => void;
  readonly since: number;
  /** By the monotonic clock: from then on a silence is worth telling. */
  readonly lateAtMs: number;
  tries: number;
  /** What was said to the last try; null before the first answer. */
  refusal: string | null;
  endRest: Cancel | undefined;
}

const FIRST_REST_MS = 500;
const LONGEST_REST_MS = 30_000;
/** Not to be noticed: a server that is restarted is away for less. */
const PATIENT_MS = 3_000;

export class RunPatience {
  readonly #errands = new Map<string, Errand>();

  /** Asks a store, until it answers. With `patienceMs` a silence up to that is nothing unusual. */
  ask<T>(
    { name, request, patienceMs = PATIENT_MS }: StoreRequest<T>,
    done: (value: T) => RunMessage,
    context: Context<RunMessage>,
  ): void {
    const ask = (): void =>
      context.pipe(
        request(),
        (value) => {
          this.#errands.delete(name);
          return done(value);
        },
        (error) => {
          const { code, message, fix } = asMillraceError(error, `${name} failed`);
          return { kind: "storeFailed", errand: name, code, reason: message, fix };
        },
      );
    const since = context.now();
    const lateAtMs = context.monotonicMs() + patienceMs;
    this.#errands.set(name, { ask, since, lateAtMs, tries: 0, refusal: null, endRest: undefined });
    ask();
  }

  /** Whether it is tried again; otherwise it is over. */
  takes({ errand: name, code, reason }: StoreFailure, context: Context<RunMessage>): boolean {
    const errand = this.#errands.get(name);
    if (errand === undefined) return true;
    if (code !== "unavailable") {
      this.#errands.delete(name);
      return false;
    }
    const restMs = Math.min(LONGEST_REST_MS, FIRST_REST_MS * 2 ** errand.tries);
    errand.tries += 1;
    errand.refusal = reason;
    errand.endRest = context.after(restMs * (1 - context.fraction() / 2), { kind: "storeDue", errand: name });
    if (errand.tries === 1) context.log.warn({ errand: name, reason }, "a store refuses; it is asked again");
    return true;
  }

  onDue(name: string): void {
    const errand = this.#errands.get(name);
    if (errand?.endRest === undefined) return;
    errand.endRest = undefined;
    errand.ask();
  }

  /** The server is back: what rests is asked for at once. */
  onConnected(): void {
    for (const [name, errand] of this.#errands) {
      errand.endRest?.();
      this.onDue(name);
    }
  }

  /** Why and since when an errand keeps the run waiting; undefined as long as that is nothing unusual. */
  waitFor(name: string, context: Context<RunMessage>): StoreWait | undefined {
    const errand = this.#errands.get(name);
    if (errand === undefined) return undefined;
    const { since, lateAtMs, refusal } = errand;
    if (refusal === null && context.monotonicMs() < lateAtMs) return undefined;
    return { since, reason: `${name}: ${refusal ?? "the server does not answer"}` };
  }

  /** The errand that has kept the run waiting for longest. */
  longestWait(context: Context<RunMessage>): StoreWait | undefined {
    for (const name of this.#errands.keys()) {
      const wait = this.waitFor(name, context);
      if (wait !== undefined) return wait;
    }
    return undefined;
  }
}
