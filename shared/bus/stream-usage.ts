/** Asks the server what the streams of a namespace hold, and what they may hold. */
import { z } from "zod";
import { MillraceError } from "../model/error.ts";
import type { StorageUsage } from "../model/storage-usage.ts";
import type { Bus } from "./connection.ts";

const NANOSECONDS_PER_MS = 1_000_000;

const accountSchema = z.object({
  storage: z.number().default(0),
  limits: z.object({ max_storage: z.number() }).optional(),
  tiers: z
    .record(
      z.string(),
      z.object({ storage: z.number().default(0), limits: z.object({ max_storage: z.number() }) }),
    )
    .optional(),
});

/** Rejects when the server does not answer, or a stream is missing. */
export async function readStorageUsage(bus: Bus): Promise<StorageUsage> {
  const { subjects, manager } = bus;
  const names = [
    subjects.journalStream(),
    subjects.eventStream(),
    subjects.logStream(),
    `OBJ_${subjects.objectBucket()}`,
    subjects.heartbeatStream(),
    subjects.reuseStream(),
  ];
  const [account, ...streams] = await Promise.all([
    manager.getAccountInfo(),
    ...names.map((name) => manager.streams.info(name)),
  ]);
  const parsed = accountSchema.safeParse(account);
  if (!parsed.success) {
    throw new MillraceError("corrupt", "the server's account information can't be read", {
      cause: parsed.error,
    });
  }
  const { tiers, ...whole } = parsed.data;
  return {
    isClustered: streams.some(({ cluster }) => cluster?.name !== undefined),
    streams: streams.map(({ config, state }) => ({
      stream: config.name,
      messages: state.messages,
      bytes: state.bytes,
      maxBytes: config.max_bytes > 0 ? config.max_bytes : null,
      maxAgeMs: config.max_age > 0 ? config.max_age / NANOSECONDS_PER_MS : null,
      replicas: config.num_replicas,
      storage: config.storage === "memory" ? "memory" : "file",
      refusesWhenFull: config.discard === "new",
    })),
    accounts: (tiers === undefined ? [whole] : Object.values(tiers)).map(({ storage, limits }) => ({
      bytes: storage,
      maxBytes: limits !== undefined && limits.max_storage > 0 ? limits.max_storage : null,
    })),
  };
}
