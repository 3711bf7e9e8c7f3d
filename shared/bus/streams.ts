/**
 * The streams of a namespace, made when they are missing and brought up to date when they are there. What an
 * operator may tune (replicas, sizes, ages) is left as it is unless an option asks for a value; the storage of a
 * stream cannot be changed once it is made. Any number of processes may do this at the same time.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { DiscardPolicy, ErrorCode, NatsError, RetentionPolicy, StorageType, type StreamConfig } from "nats";
import { MillraceError, reasonOf } from "../model/error.ts";
import type { Bus } from "./connection.ts";
import type { Subjects } from "./subjects.ts";

export interface StreamOptions {
  /** Copies on different servers: 1 (default when made), 3 or 5. */
  readonly replicas?: number;
  /** Of the durable streams; `file` by default. */
  readonly storage?: "file" | "memory";
  /**
   * When logs pass this size the oldest go. The server sets the space aside at once, so there is no such limit unless
   * one is asked for; logs go by age.
   */
  readonly logMaxBytes?: number;
  /** How long to wait for servers that give no answer at present, as those that choose a leader. Default: not at all. */
  readonly patienceMs?: number;
}

const NANOSECONDS_PER_MS = 1_000_000;
const DEDUPE_WINDOW_MS = 120_000;
const HEARTBEAT_AGE_MS = 60_000;
const DEFAULT_LOG_AGE_MS = 30 * 24 * 3600_000;
const DEFAULT_REUSE_AGE_MS = 30 * 24 * 3600_000;
/** Of each job that was remembered lately about three. */
const DEFAULT_REUSE_MESSAGES = 1_000_000;

/** JetStream's code for a stream that is not there, or not yet: a server that starts has to read them first. */
export const STREAM_NOT_FOUND = 10059;
const NAME_IN_USE = 10058;
const SUBJECTS_OVERLAP = 10065;
const INSUFFICIENT_STORAGE = 10047;
const TEMPORARILY_UNAVAILABLE = 10008;
const AGAIN_MS = 500;

/** What a stream must be, and what it starts as where the operator has the say afterwards. */
interface Wanted {
  readonly name: string;
  readonly fixed: Partial<StreamConfig>;
  readonly initial: Partial<StreamConfig>;
}

/** Makes or updates all streams and the object bucket of the bus's namespace. */
export async function ensureStreams(bus: Bus, options: StreamOptions = {}): Promise<void> {
  const deadline = performance.now() + (options.patienceMs ?? 0);
  await Promise.all(wantedStreams(bus.subjects, options).map((wanted) => ensure(bus, wanted, deadline)));
}

function wantedStreams(subjects: Subjects, options: StreamOptions): Wanted[] {
  const durable = options.storage === "memory" ? StorageType.Memory : StorageType.File;
  const asked = options.replicas === undefined ? {} : { num_replicas: options.replicas };
  const initial = { storage: durable, num_replicas: 1 };
  const bucket = subjects.objectBucket();
  return [
    {
      name: subjects.journalStream(),
      fixed: {
        subjects: [subjects.journalAll(), subjects.leader(), subjects.snapshotAll()],
        // The journal is the truth: when it is full an append fails, and nothing old is lost.
        discard: DiscardPolicy.New,
        duplicate_window: DEDUPE_WINDOW_MS * NANOSECONDS_PER_MS,
        ...asked,
      },
      initial,
    },
    {
      name: subjects.eventStream(),
      fixed: {
        subjects: [subjects.runEventsAll(), subjects.fleetEvents()],
        discard: DiscardPolicy.Old,
        duplicate_window: DEDUPE_WINDOW_MS * NANOSECONDS_PER_MS,
        ...asked,
      },
      initial,
    },
    {
      name: subjects.logStream(),
      fixed: {
        subjects: [subjects.logAll()],
        discard: DiscardPolicy.Old,
        ...(options.logMaxBytes === undefined ? {} : { max_bytes: options.logMaxBytes }),
        ...asked,
      },
      initial: { ...initial, max_age: DEFAULT_LOG_AGE_MS * NANOSECONDS_PER_MS },
    },
    {
      name: subjects.heartbeatStream(),
      fixed: {
        subjects: [subjects.heartbeatAll()],
        discard: DiscardPolicy.Old,
        max_age: HEARTBEAT_AGE_MS * NANOSECONDS_PER_MS,
        max_msgs_per_subject: 1,
        ...asked,
      },
      initial: { ...initial, storage: StorageType.Memory },
    },
    {
      name: subjects.reuseStream(),
      fixed: {
        subjects: [subjects.reuseAll()],
        discard: DiscardPolicy.Old,
        max_msgs_per_subject: 1,
        allow_direct: true,
        ...asked,
      },
      initial: {
        ...initial,
        max_age: DEFAULT_REUSE_AGE_MS * NANOSECONDS_PER_MS,
        max_msgs: DEFAULT_REUSE_MESSAGES,
      },
    },
    {
      // As every NATS client makes an object store, so that `nats object` reads it.
      name: `OBJ_${bucket}`,
      fixed: {
        subjects: [`$O.${bucket}.C.>`, `$O.${bucket}.M.>`],
        discard: DiscardPolicy.New,
        allow_rollup_hdrs: true,
        allow_direct: true,
        ...asked,
      },
      initial,
    },
  ];
}

async function ensure(bus: Bus, wanted: Wanted, deadline: number): Promise<void> {
  for (;;) {
    try {
      const existing = await configOf(bus, wanted.name);
      if (existing === undefined) {
        if (await create(bus, wanted)) return;
      } else {
        if (!agrees(existing, wanted.fixed)) {
          await bus.manager.streams.update(wanted.name, { ...existing, ...wanted.fixed });
        }
        return;
      }
    } catch (cause) {
      if (!isPassing(cause) || performance.now() >= deadline) throw streamError(wanted.name, cause);
      await sleep(AGAIN_MS);
    }
  }
}

/** Whether the same question may be answered in a while: nobody answers, or nobody leads the servers. */
function isPassing(error: unknown): boolean {
  const silence: readonly string[] = [ErrorCode.Timeout, ErrorCode.NoResponders];
  return (
    errorNumber(error) === TEMPORARILY_UNAVAILABLE ||
    (error instanceof NatsError && error.api_error === undefined && silence.includes(error.code))
  );
}

async function configOf(bus: Bus, name: string): Promise<StreamConfig | undefined> {
  try {
    return (await bus.manager.streams.info(name)).config;
  } catch (error) {
    if (errorNumber(error) === STREAM_NOT_FOUND) return undefined;
    throw error;
  }
}

/** False when somebody else made it meanwhile. */
async function create(bus: Bus, { name, fixed, initial }: Wanted): Promise<boolean> {
  try {
    await bus.manager.streams.add({ name, retention: RetentionPolicy.Limits, ...initial, ...fixed });
    return true;
  } catch (error) {
    const number = errorNumber(error);
    if (number === NAME_IN_USE) return false;
    // A server that gets the same stream from two processes at once may find that its subjects overlap with itself.
    if (number === SUBJECTS_OVERLAP && (await configOf(bus, name)) !== undefined) return false;
    throw error;
  }
}

function agrees(existing: StreamConfig, fixed: Partial<StreamConfig>): boolean {
  return Object.entries(fixed).every(
    ([key, value]) => JSON.stringify(existing[key as keyof StreamConfig]) === JSON.stringify(value),
  );
}

function errorNumber(error: unknown): number | undefined {
  return error instanceof NatsError ? error.api_error?.err_code : undefined;
}

function streamError(name: string, cause: unknown): MillraceError {
  const reason = reasonOf(cause);
  const message = `cannot make the stream ${name}: ${reason}`;
  if (errorNumber(cause) === INSUFFICIENT_STORAGE) {
    return new MillraceError("unavailable", message, {
      fix: "Raise max_file in the jetstream block of nats-server's configuration, or lower the limit of the logs.",
      cause,
    });
  }
  return new MillraceError("unavailable", message, {
    fix: "See that JetStream runs, that these credentials may use it, and that there are as many servers as replicas.",
    cause,
  });
}
