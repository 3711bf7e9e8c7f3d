/** A coordinator process put together: bus, streams, journal, actors, API. No decisions here. */
import { hostname } from "node:os";
import type { Logger } from "../shared/actor/contract.ts";
import { MessageCodec } from "../shared/actor/message-codec.ts";
import { systemRandomness } from "../shared/actor/randomness.ts";
import { type ActorSystem, createActorSystem } from "../shared/actor/system.ts";
import { systemClock } from "../shared/actor/system-clock.ts";
import { connectBus } from "../shared/bus/connection.ts";
import { NatsTransport } from "../shared/bus/nats-transport.ts";
import { serveApi } from "../shared/bus/service.ts";
import { ensureStreams, type StreamOptions } from "../shared/bus/streams.ts";
import { version } from "../shared/model/version.ts";
import { getDocument, putDocument } from "../shared/store/document.ts";
import { JetStreamObjects } from "../shared/store/jetstream-objects.ts";
import { answerApi } from "./actors/api.ts";
import { CoordinatorActor } from "./actors/coordinator.ts";
import type { CoordinatorMessage } from "./actors/messages.ts";
import { openJournal } from "./journal/jetstream-journal.ts";

export interface CoordinatorSettings {
  /** URL of the NATS server, with credentials. */
  readonly server: string;
  readonly namespace: string;
  readonly log: Logger;
  readonly streams?: StreamOptions;
  readonly heartbeatMs?: number;
  /** Silence after which an agent's jobs are given to others. */
  readonly lostAfterMs?: number;
  /** Jobs an agent may hold beyond its slots, for each slot. */
  readonly backlogPerSlot?: number;
  /** How long the first connection may take; for ever when left out. */
  readonly firstConnectTimeoutMs?: number;
}

export interface RunningCoordinator {
  /** Resolves when it has ended: stopped, deposed by another coordinator, or failed. */
  readonly ended: Promise<"stopped" | "deposed" | "failed">;
  /** Ends it; runs and agents go on, and the next coordinator takes over. */
  stop(): Promise<void>;
}

const STOP_TIMEOUT_MS = 5_000;

export async function startCoordinator(settings: CoordinatorSettings): Promise<RunningCoordinator> {
  const { server, namespace, log } = settings;
  const randomness = systemRandomness();
  const node = `coordinator-${randomness.id()}`;
  const bus = await connectBus({
    server,
    namespace,
    name: `millrace coordinator on ${hostname()}`,
    firstConnectTimeoutMs: settings.firstConnectTimeoutMs ?? Number.POSITIVE_INFINITY,
  });
  await ensureStreams(bus, settings.streams ?? {});
  const { journal, eventLog, close: closeJournal } = openJournal(bus);
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
  });
  let end: (reason: "stopped" | "deposed" | "failed") => void = () => undefined;
  const reason = new Promise<"stopped" | "deposed" | "failed">((resolve) => {
    end = resolve;
  });
  const coordinator = system.spawn<CoordinatorMessage>(
    "coordinator",
    () =>
      new CoordinatorActor({
        node,
        version,
        subjects: bus.subjects,
        codec,
        journal,
        eventLog,
        readGraph: (digest) => getDocument(objects, "graph", digest),
        storeInputs: (inputs) => putDocument(objects, "data", inputs),
        times: { heartbeatMs: settings.heartbeatMs ?? 2_000, lostAfterMs: settings.lostAfterMs ?? 15_000 },
        backlogPerSlot: settings.backlogPerSlot ?? 1,
        onDeposed: () => end("deposed"),
      }),
    {
      mailbox: { capacity: 100_000 },
      onFailure: (error) => {
        log.error({ error: String(error) }, "the coordinator has failed");
        end("failed");
      },
    },
  );
  const service = await serveApi(bus, version, (verb, request) =>
    answerApi(system, coordinator, verb, request),
  );
  const shutDown = async (): Promise<void> => {
    await service.stop();
    const { unfinished } = await system.stop({ timeoutMs: STOP_TIMEOUT_MS });
    if (unfinished.length > 0)
      log.warn({ unfinished: unfinished.slice(0, 10) }, "actors did not stop in time");
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
