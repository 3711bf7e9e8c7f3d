/** What an operator should know of storage: that it has no room, or settings that reliability can't rest on. */
import type { StorageUsage } from "../../shared/model/storage-usage.ts";
import type { StorageLimit, StorageState } from "./storage-state.ts";

/** Something that is wrong, since when, and what to do. */
export interface Trouble {
  readonly code: string;
  readonly message: string;
  readonly fix: string | null;
  /** By the leader's wall clock. */
  readonly since: number;
}

/** The limits at which something would be refused. `serverMaxBytes` is what the operator says JetStream may hold. */
export function limitsOf({ streams, accounts }: StorageUsage, serverMaxBytes: number | null): StorageLimit[] {
  const limits: StorageLimit[] = [];
  for (const { stream, bytes, maxBytes, refusesWhenFull } of streams) {
    if (refusesWhenFull && maxBytes !== null)
      limits.push({ of: `the stream ${stream}`, usedBytes: bytes, maxBytes });
  }
  for (const { bytes, maxBytes } of accounts) {
    if (maxBytes !== null) limits.push({ of: "the account", usedBytes: bytes, maxBytes });
  }
  if (serverMaxBytes !== null) {
    const usedBytes = accounts.reduce((sum, { bytes }) => sum + bytes, 0);
    limits.push({ of: "JetStream", usedBytes, maxBytes: serverMaxBytes });
  }
  return limits;
}

/** Storage without room as a trouble; none when it is roomy. */
export function roomTroubles({ level, reason, since }: StorageState): Trouble[] {
  if (level === "roomy") return [];
  const effect =
    level === "full"
      ? "storage is full: what is decided waits to be stored"
      : "storage is almost full: no job is started and no run taken";
  const fix = "Give JetStream more room, remove runs with `millrace gc --older-than`, or keep fewer of them.";
  return [{ code: `storage.${level}`, message: `${effect}; ${reason ?? ""}`, fix, since }];
}

/** That nothing was collected, since the first failure in a row; undefined once a collection is done. */
export function collectionTrouble(
  before: Trouble | undefined,
  { at, failure }: { readonly at: number; readonly failure: string | null },
): Trouble | undefined {
  if (failure === null) return undefined;
  return {
    code: "collection.failed",
    message: `what has expired could not be removed: ${failure}`,
    fix: "It is tried again within the hour. Mend what it names, and see by millrace gc whether it is.",
    since: before?.since ?? at,
  };
}

/** Weak settings of the streams that must not lose anything, which `kept` names. */
export function settingsTroubles(storage: StorageUsage, kept: readonly string[], since: number): Trouble[] {
  const troubles: Trouble[] = [];
  const add = (code: string, message: string, fix: string) => troubles.push({ code, message, fix, since });
  for (const settings of storage.streams.filter(({ stream }) => kept.includes(stream))) {
    const { stream, replicas, maxAgeMs } = settings;
    if (settings.storage === "memory")
      add(
        "settings.memory",
        `the stream ${stream} is in memory: a restart of the server loses it`,
        "Make it anew, with storage in files.",
      );
    if (maxAgeMs !== null)
      add(
        "settings.age",
        `the stream ${stream} drops what is old, needed or not`,
        `Edit it: nats stream edit ${stream} --max-age 0.`,
      );
    if (!settings.refusesWhenFull)
      add(
        "settings.discard",
        `the stream ${stream} drops what is old when it is full`,
        `Edit it: nats stream edit ${stream} --discard new.`,
      );
    if (replicas === 2)
      add(
        "settings.replicas",
        `the stream ${stream} has 2 replicas: it stops when either is gone`,
        "Use 3: millrace coordinator --replicas 3.",
      );
    if (storage.isClustered && replicas === 1)
      add(
        "settings.replicas",
        `the stream ${stream} is on one server of a cluster: it stops with that one`,
        "Use 3: millrace coordinator --replicas 3.",
      );
  }
  return troubles;
}
