/** A coordinator process put together: bus, streams, journal, actors, API. No decisions here. */
import { hostname } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "../shared/actor/contract.ts";
import { MessageCodec } from "../shared/actor/message-codec.ts";
import { systemRandomness } from "../shared/actor/randomness.ts";
import { type ActorSystem, createActorSystem } from "../shared/actor/system.ts";
import { systemClock } from "../shared/actor/system-clock.ts";
import { connectBus } from "../shared/bus/connection.ts";
import { NatsTransport } from "../shared/bus/nats-transport.ts";
import { NatsRequestLine } from "../shared/bus/request-line.ts";
import { serveApi } from "../shared/bus/service.ts";
import { readStorageUsage } from "../shared/bus/stream-usage.ts";
import { ensureStreams, type StreamOptions } from "../shared/bus/streams.ts";
import { version } from "../shared/model/version.ts";
import { getDocument, putDocument } from "../shared/store/document.ts";
import { JetStreamObjects } from "../shared/store/jetstream-objects.ts";
import type { CollectionSettings } from "./actors/collector.ts";
import { DEFAULT_FLEET_TIMES } from "./core/fleet.ts";
import type { RetentionPolicy } from "./core/retention.ts";
import { DeniedSubjects } from "./denied-subjects.ts";
import { openEstimateStore } from "./journal/estimate-store.ts";
import { openCollectionStores } from "./journal/jetstream-collection.ts";
import { openJournal } from "./journal/jetstream-journal.ts";
import { openReuseStores } from "./journal/reuse-stores.ts";
import { startMember } from "./member.ts";

export interface CoordinatorSettings {
  /** URL of the NATS server, with credentials. */
  readonly server: string;
  readonly namespace: string;
  readonly log: Logger;
  readonly streams?: StreamOptions;
  /** How often agents say that they live. */
  readonly heartbeatMs?: number;
  /** Silence after which an agent's jobs are given to others. */
  readonly lostAfterMs?: number;
  /** Jobs an agent may hold beyond its slots, for each slot. */
  readonly backlogPerSlot?: number;
  /** What is kept for how long, where it is not the default: 30 days, 10,000 runs; a day for unreferenced objects. */
  readonly retention?: Partial<RetentionPolicy & Pick<CollectionSettings, "unreferencedForMs">>;
  /** What JetStream may hold, where no limit of the account tells it. */
  readonly storageMaxBytes?: number;
  /** How long the first connection may take; for ever when left out. */
  readonly firstConnectTimeoutMs?: number;
}

type Ending = "stopped" | "failed";

export interface RunningCoordinator {
  /** Resolves when it has ended. One that is deposed does not: it is a standby again. */
  readonly ended: Promise<Ending>;
  /** Ends it; runs and agents go on, and a standby or the next coordinator takes over. */
  stop(): Promise<void>;
}

const DAY_MS = 24 * 3600_000;
const DEFAULT_RETENTION = { keepRunsForMs: 30 * DAY_MS, keepRuns: 10_000, unreferencedForMs: DAY_MS };
const COLLECT_EVERY_MS = 3600_000;
const STOP_TIMEOUT_MS = 5_000;
const DRAIN_MS = 2_000;
const ELECTION_TIMES = { beatMs: 500, silenceMs: 3_000 };

export async function startCoordinator(settings: CoordinatorSettings): Promise<RunningCoordinator> {
  const { server, namespace, log } = settings;
  const patienceMs = settings.firstConnectTimeoutMs ?? Number.POSITIVE_INFINITY;
  const randomness = systemRandomness();
  const node = `coordinator-${hostname().replaceAll(/[^A-Za-z0-9]/g, "-")}-${randomness.id().slice(0, 8)}`;
  const bus = await connectBus({
    server,
    namespace,
    name: `millrace coordinator on ${hostname()}`,
    firstConnectTimeoutMs: patienceMs,
  });
  let end: (reason: Ending) => void = () => undefined;
  const reason = new Promise<Ending>((resolve) => {
    end = resolve;
  });
  const denied = new DeniedSubjects(bus.subjects, log);
  const unable = new Promise<never>((_resolve, reject) => {
    bus.onStatus((status) => {
      const error = status.kind === "denied" ? denied.take(status) : undefined;
      if (error === undefined) return;
      reject(error);
      end("failed");
    });
  });
  try {
    await Promise.race([ensureStreams(bus, { patienceMs, ...settings.streams }), unable]);
  } catch (error) {
    await bus.close();
    throw error;
  }
  denied.isStarting = false;
  const retention = { ...DEFAULT_RETENTION, ...settings.retention };
  const refusals = new Map<string, string>();
  const {
    journal,
    eventLog,
    heardOf,
    reuseStore,
    openSnapshots,
    close: closeJournal,
  } = openJournal(bus, {
    onFull: (stream, why) => void (why === null ? refusals.delete(stream) : refusals.set(stream, why)),
  });
  const objects = new JetStreamObjects(bus.connection, { bucket: bus.subjects.objectBucket() });
  const codec = new MessageCodec();
  const system: ActorSystem = createActorSystem({
    node,
    transport: new NatsTransport(bus),
    clock: systemClock,
    randomness,
    codec,
    log,
    subjectRoot: bus.subjects.actors(),
    deadLetterSubject: bus.subjects.deadLetters(),
    options: { takesRemote: false },
  });
  const member = startMember({
    node,
    version,
    system,
    clock: systemClock,
    line: new NatsRequestLine(bus),
    log,
    subjects: bus.subjects,
    codec,
    journal,
    eventLog,
    readGraph: (digest) => getDocument(objects, "graph", digest),
    documents: {
      store: (value) => putDocument(objects, "data", value),
      read: (digest) => getDocument(objects, "data", digest),
    },
    snapshots: openSnapshots(objects, (run, reason) =>
      log.warn({ run, reason }, "a snapshot is left aside; all of the run's records are read"),
    ),
    estimateStore: openEstimateStore(objects),
    reuseStores: openReuseStores(reuseStore, objects),
    heardOf,
    collection: {
      policy: retention,
      unreferencedForMs: retention.unreferencedForMs,
      intervalMs: COLLECT_EVERY_MS,
      stores: openCollectionStores(bus, journal, objects),
    },
    storage: {
      usage: () => readStorageUsage(bus),
      refusals,
      kept: [bus.subjects.journalStream(), `OBJ_${bus.subjects.objectBucket()}`],
      maxBytes: settings.storageMaxBytes ?? null,
    },
    times: {
      heartbeatMs: settings.heartbeatMs ?? DEFAULT_FLEET_TIMES.heartbeatMs,
      lostAfterMs: settings.lostAfterMs ?? DEFAULT_FLEET_TIMES.lostAfterMs,
    },
    electionTimes: ELECTION_TIMES,
    backlogPerSlot: settings.backlogPerSlot ?? 1,
    onFailure: (error) => {
      log.error({ error: String(error) }, "the coordinator has failed");
      end("failed");
    },
  });
  const service = await serveApi(bus, version, (verb, request) => member.answer(verb, request));
  const onServed = (error: Error | undefined): void => {
    if (error === undefined) return;
    log.error({ error: error.message }, "the API is served no more: the server has ended its subscriptions");
    end("failed");
  };
  void service.stopped.then(onServed, onServed);
  const shutDown = async (): Promise<void> => {
    await service.stop();
    const { unfinished } = await system.stop({ timeoutMs: STOP_TIMEOUT_MS });
    if (unfinished.length > 0)
      log.warn({ unfinished: unfinished.slice(0, 10) }, "actors did not stop in time");
    // With a standby there is soon somebody to answer what is still asked here.
    await Promise.race([member.drained(), sleep(DRAIN_MS, undefined, { ref: false })]);
    closeJournal();
    await bus.close();
  };
  const ended = reason.then(async (why) => {
    await shutDown();
    return why;
  });
  return {
    ended,
    stop: async () => {
      end("stopped");
      await ended;
    },
  };
}
