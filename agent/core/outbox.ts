/**
 * Reports that wait for the coordinator's word.
 *
 * An item is sent at once and repeated, at doubling intervals, until it is settled: core NATS loses messages across
 * a reconnect, and a coordinator may die between reading a report and journalling it. A new epoch, a hello or a
 * reconnect makes all of it due at once.
 *
 * Invariants: (1) what was put stays until it is settled. (2) One item per attempt: the first one put.
 */
import type { AttemptRef, ReportItem } from "../../shared/model/messages.ts";
import { attemptKey } from "./attempt-key.ts";

/** An item that the coordinator must settle; the others are said once. */
export type SettledItem = Exclude<ReportItem, { kind: "started" | "progress" }>;

interface Waiting {
  readonly item: SettledItem;
  dueAt: number;
  waitMs: number;
}

export interface Outbox {
  readonly waiting: Map<string, Waiting>;
  /** Put since items were last taken. */
  fresh: number;
}

const FIRST_REPEAT_MS = 1_000;
const LONGEST_REPEAT_MS = 30_000;

export function emptyOutbox(): Outbox {
  return { waiting: new Map(), fresh: 0 };
}

/** Takes an item, due at once. Says whether it is new; a second item on the same attempt is dropped. */
export function put(outbox: Outbox, item: SettledItem, now: number): boolean {
  const key = attemptKey(item);
  if (outbox.waiting.has(key)) return false;
  outbox.fresh += 1;
  outbox.waiting.set(key, { item, dueAt: now, waitMs: FIRST_REPEAT_MS });
  return true;
}

/** The items to send now; each is due again after its interval. */
export function takeDue(outbox: Outbox, now: number): SettledItem[] {
  const due: SettledItem[] = [];
  outbox.fresh = 0;
  for (const waiting of outbox.waiting.values()) {
    if (waiting.dueAt > now) continue;
    due.push(waiting.item);
    waiting.dueAt = now + waiting.waitMs;
    waiting.waitMs = Math.min(waiting.waitMs * 2, LONGEST_REPEAT_MS);
  }
  return due;
}

/** Everything is due now: whoever listens may have heard none of it. */
export function makeAllDue(outbox: Outbox, now: number): void {
  for (const waiting of outbox.waiting.values()) {
    waiting.dueAt = now;
    waiting.waitMs = FIRST_REPEAT_MS;
  }
}

/** The coordinator has it, or does not want it. Says whether something was waiting. */
export function settle(outbox: Outbox, ref: AttemptRef): boolean {
  return outbox.waiting.delete(attemptKey(ref));
}
