/**
 * Whether there is room for new work. Jobs that run must be able to finish, so new ones stop while a reserve is left.
 *
 *   roomy ──less than the reserve is free──▶ tight ──an append is refused──▶ full ──it is stored──▶ tight or roomy
 *
 * Safe: nothing is started and no submission taken unless it is roomy. Live: it is roomy again once a fifth more than
 * the reserve is free everywhere, so that work does not start and stop at the border.
 */
import { formatBytes } from "../../shared/model/size.ts";

/** A limit that what is stored comes up against. */
export interface StorageLimit {
  /** For people: `the stream millrace-default-journal`, `the account`. */
  readonly of: string;
  readonly usedBytes: number;
  readonly maxBytes: number;
}

export type StorageLevel = "roomy" | "tight" | "full";

export interface StorageState {
  readonly level: StorageLevel;
  /** Since when it is at this level, by the leader's wall clock. */
  readonly since: number;
  /** Why it is not roomy, for people. */
  readonly reason: string | null;
}

/** Of what is known when storage is judged. */
export interface StorageFindings {
  readonly limits: readonly StorageLimit[];
  /** Streams that have refused an append for want of room, which is repeated until it is stored. */
  readonly refusals: ReadonlyMap<string, string>;
}

const RESERVE_SHARE = 0.1;
const RESERVE_BYTES = 10 * 2 ** 30;
const RELIEF = 1.2;

export function judgeStorage(
  before: StorageState,
  { limits, refusals }: StorageFindings,
  now: number,
): StorageState {
  const [refusal] = refusals;
  if (refusal !== undefined) {
    const [stream, why] = refusal;
    return enter(before, "full", `the stream ${stream} takes no more: ${why}`, now);
  }
  const relief = before.level === "roomy" ? 1 : RELIEF;
  const tightest = limits.find((limit) => limit.maxBytes - limit.usedBytes < reserveOf(limit) * relief);
  if (tightest === undefined) return enter(before, "roomy", null, now);
  const { of, usedBytes, maxBytes } = tightest;
  const fill = `${formatBytes(usedBytes)} of ${formatBytes(maxBytes)}`;
  return enter(before, "tight", `${of} holds ${fill}, and the rest is for what has begun`, now);
}

function reserveOf({ maxBytes }: StorageLimit): number {
  return Math.min(maxBytes * RESERVE_SHARE, RESERVE_BYTES);
}

function enter(before: StorageState, level: StorageLevel, reason: string | null, now: number): StorageState {
  return { level, reason, since: before.level === level ? before.since : now };
}
