/**
 * Fetches the sources of packages into the cache.
 *
 * States of a source: present (the right file is there), manual (its owner says that no program can fetch it),
 * fetching, downloaded, failed. While it is fetching, its addresses are tried in turn; one that can't have it is left
 * out, one that only failed is tried again after a pause that doubles. A round that brought bytes beyond all before it
 * does not count: a slow line that breaks often gets there in the end.
 *
 * Invariants:
 * 1. What stands under the source's own name is what was there before, or the right file.
 * 2. Bytes that have come are kept for the next attempt, also for the next command, until the whole of them is wrong.
 */
import { setTimeout as pause } from "node:timers/promises";
import { MillraceError, reasonOf } from "../../shared/model/error.ts";
import { addressesOf } from "./addresses.ts";
import { PartialFile } from "./partial-file.ts";
import type { ProxyFor } from "./proxy.ts";
import type { CachedSource } from "./source-cache.ts";
import { checkSource, type SourceState } from "./source-state.ts";
import { type Fetched, fetchFrom } from "./transfer.ts";

const MAX_PAUSE_MS = 30_000;
const MAX_ASKED_PAUSE_MS = 60_000;

export interface DownloadSettings {
  readonly mirrors: readonly string[];
  /** Fetch also what is there. */
  readonly force: boolean;
  /** Rounds over the addresses that may bring nothing. */
  readonly attempts: number;
  readonly firstPauseMs: number;
  /** Nothing received for so long ends a request. */
  readonly stallMs: number;
  readonly proxyFor: ProxyFor;
  /** How long one source may take, all its attempts included. */
  readonly timeoutMs: number | undefined;
  readonly signal: AbortSignal;
  readonly onProgress: (cached: CachedSource, bytes: number, total: number | undefined) => void;
}

export type DownloadOutcome =
  | { readonly kind: "present"; readonly bytes: number }
  | {
      readonly kind: "downloaded";
      readonly bytes: number;
      readonly from: string;
      /** Bytes that an earlier command had brought. */
      readonly resumedAt: number;
      readonly warning: string | undefined;
    }
  | { readonly kind: "manual"; readonly found: SourceState }
  | { readonly kind: "failed"; readonly reason: string };

/** Why each address did not give it when it was last asked. */
type Refusals = Map<string, string>;

/** Resolves whatever comes of it; rejects only when the signal aborts. */
export async function downloadSource(
  cached: CachedSource,
  settings: DownloadSettings,
): Promise<DownloadOutcome> {
  const { signal, timeoutMs } = settings;
  const limit = timeoutMs === undefined ? undefined : AbortSignal.timeout(timeoutMs);
  const refusals: Refusals = new Map();
  try {
    const found = await checkSource(cached, signal);
    const isManual = cached.source.downloadManually;
    if (found.kind === "right" && (isManual || !settings.force)) {
      return { kind: "present", bytes: found.bytes };
    }
    if (isManual) return { kind: "manual", found };
    const limited = limit === undefined ? signal : AbortSignal.any([signal, limit]);
    return await fetchSource(cached, { ...settings, signal: limited }, refusals);
  } catch (error) {
    signal.throwIfAborted();
    if (limit?.aborted) {
      const late = `not done within ${(timeoutMs ?? 0) / 1000} s`;
      return { kind: "failed", reason: [late, ...sentencesOf(refusals)].join("; ") };
    }
    if (error instanceof MillraceError) return { kind: "failed", reason: error.message };
    return { kind: "failed", reason: `it can't be kept: ${reasonOf(error)}` };
  }
}

async function fetchSource(
  cached: CachedSource,
  settings: DownloadSettings,
  refusals: Refusals,
): Promise<DownloadOutcome> {
  const addresses = addressesOf(cached, settings.mirrors);
  const partial = await PartialFile.take(cached, { nowMs: Date.now(), pid: process.pid });
  let isFinished = false;
  try {
    const { from, warning } = await fetchFromAny(addresses, cached, partial, settings, refusals);
    const { size: bytes, inherited: resumedAt } = partial;
    await partial.finish(cached.path);
    isFinished = true;
    return { kind: "downloaded", bytes, from, warning, resumedAt };
  } finally {
    if (!isFinished) await partial.leave();
  }
}

/** Resolves when the whole is in the partial file; throws `unavailable` with what each address said. */
async function fetchFromAny(
  addresses: readonly string[],
  cached: CachedSource,
  partial: PartialFile,
  settings: DownloadSettings,
  refusals: Refusals,
): Promise<Extract<Fetched, { kind: "right" }>> {
  const leftOut = new Set<string>();
  let furthest = partial.size;
  let fruitless = 0;
  for (;;) {
    let askedPauseMs = 0;
    for (const address of addresses) {
      if (leftOut.has(address)) continue;
      const fetched = await fetchFrom(address, cached, partial, settings);
      if (fetched.kind === "right") return fetched;
      refusals.set(address, fetched.reason);
      if (fetched.kind === "never") leftOut.add(address);
      else askedPauseMs = Math.max(askedPauseMs, fetched.afterMs ?? 0);
    }
    fruitless = partial.size > furthest ? 0 : fruitless + 1;
    furthest = Math.max(furthest, partial.size);
    if (leftOut.size === addresses.length || fruitless === settings.attempts) break;
    const pauseMs = Math.max(pauseAfter(fruitless, settings.firstPauseMs, Math.random()), askedPauseMs);
    await pause(Math.min(pauseMs, MAX_ASKED_PAUSE_MS), undefined, { signal: settings.signal });
  }
  throw new MillraceError("unavailable", sentencesOf(refusals).join("; "));
}

function sentencesOf(refusals: Refusals): string[] {
  return Array.from(refusals, ([address, reason]) => `${withoutPassword(address)}: ${reason}`);
}

/** Doubles with each attempt that brought nothing; `chance`, from 0 to 1, keeps many from coming back at once. */
export function pauseAfter(fruitless: number, firstMs: number, chance: number): number {
  return Math.min(MAX_PAUSE_MS, firstMs * 2 ** Math.max(0, fruitless - 1)) * (0.5 + chance / 2);
}

/** The address as it may be shown. */
export function withoutPassword(address: string): string {
  const url = new URL(address);
  if (url.password !== "") url.password = "***";
  return url.href;
}
