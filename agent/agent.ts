/** An agent process put together: bus, folders, runners, stores, actors. No decisions here. */
import { freemem, hostname, loadavg } from "node:os";
import { join } from "node:path";
import type { Logger } from "../shared/actor/contract.ts";
import { MessageCodec } from "../shared/actor/message-codec.ts";
import { systemRandomness } from "../shared/actor/randomness.ts";
import { createActorSystem } from "../shared/actor/system.ts";
import { systemClock } from "../shared/actor/system-clock.ts";
import { connectBus } from "../shared/bus/connection.ts";
import { NatsTransport } from "../shared/bus/nats-transport.ts";
import type { Pairs } from "../shared/model/job-spec.ts";
import type { Capacity } from "../shared/model/messages.ts";
import { version } from "../shared/model/version.ts";
import { AckInbox } from "../shared/store/ack-inbox.ts";
import { ArtifactStore } from "../shared/store/artifact-store.ts";
import { getDocument } from "../shared/store/document.ts";
import { JetStreamObjects } from "../shared/store/jetstream-objects.ts";
import { LogShipper } from "../shared/store/log-writer.ts";
import { AgentActor, type AgentMessage } from "./actors/agent-actor.ts";
import { HostTools } from "./actors/attempt-tools.ts";
import { LogBacklog } from "./actors/log-backlog.ts";
import { openLogSink } from "./actors/log-sinks.ts";
import { attemptKey } from "./core/attempt-key.ts";
import type { MinFree } from "./core/disk-room.ts";
import type { StopMode } from "./core/stopping.ts";
import { createContainerRunner } from "./runners/container-runner.ts";
import { detectEngine } from "./runners/engine.ts";
import { hostEnvironment } from "./runners/host-environment.ts";
import { ShellRunner } from "./runners/shell-runner.ts";
import { DiskWatch } from "./workspaces/disk-watch.ts";
import { InputCache } from "./workspaces/input-cache.ts";
import { Workspaces } from "./workspaces/workspaces.ts";

export interface AgentOptions {
  /** URL of the NATS server, with credentials. */
  readonly server: string;
  readonly namespace: string;
  /** Unique in the namespace. */
  readonly name: string;
  readonly capacity: Capacity;
  readonly labels: Pairs;
  /** Only runs of this pool are placed here; empty is the common pool. */
  readonly pool: string;
  /** For workspaces, logs and the input cache; no other agent may use it. */
  readonly workFolder: string;
  readonly keepFailed: boolean;
  readonly heartbeatMs: number;
  /** Between TERM and KILL for a job that passed a limit or was cancelled. */
  readonly graceMs: number;
  /** Variables of the agent's environment that pass to shell jobs beside the usual ones. */
  readonly passEnvironment: readonly string[];
  /** What must stay free on the file systems of its folders; below it the agent takes no jobs. */
  readonly minFree?: MinFree;
  /** How many bytes of logs may wait on disk for a server that is away, before the oldest are cut. */
  readonly logBacklogBytes?: number;
  readonly log: Logger;
  /** How long the first connection may take; for ever when left out. */
  readonly firstConnectTimeoutMs?: number;
}

export interface RunningAgent {
  /** Resolves when it has ended, however that came. */
  readonly ended: Promise<"stopped" | "failed">;
  /** Asks it to end; a later call may only make it quicker. */
  stop(mode: StopMode): void;
}

const SHUTDOWN_LIMIT_MS = 2_000;
const DEFAULT_MIN_FREE: MinFree = { bytes: 2 ** 30, share: 0.05 };
const DEFAULT_LOG_BACKLOG_BYTES = 2 ** 30;

/** Starts an agent; resolves when it has said hello. */
export async function startAgent(options: AgentOptions): Promise<RunningAgent> {
  const { log, name, namespace } = options;
  const bus = await connectBus({
    server: options.server,
    namespace,
    name: `millrace agent ${name} on ${hostname()}`,
    firstConnectTimeoutMs: options.firstConnectTimeoutMs ?? Number.POSITIVE_INFINITY,
  });
  const engine = await detectEngine();
  const { workspaces, leftovers } = await Workspaces.open(options.workFolder).catch(
    async (error: unknown) => {
      await bus.close();
      throw error;
    },
  );
  const acks = new AckInbox(bus.connection);
  const objects = new JetStreamObjects(bus.connection, { bucket: bus.subjects.objectBucket(), acks });
  const artifacts = new ArtifactStore(objects);
  const shipper = new LogShipper(bus, { acks });
  const cache = await InputCache.open(join(options.workFolder, "cache"), artifacts);
  const shell = new ShellRunner({ environment: hostEnvironment(process.env, options.passEnvironment) });
  const containers = createContainerRunner({
    engine,
    agent: name,
    folder: options.workFolder,
    leftovers: new Set(leftovers.map(({ record }) => attemptKey(record))),
    onTrouble: (error) => log.warn({ error: error.message }, "trouble with a container"),
  });
  const tools = new HostTools({
    workspaces,
    cache,
    shell,
    containers,
    artifacts,
    readDocument: (digest) => getDocument(objects, "data", digest),
    openLogSink: (record, fromOffset) => openLogSink(shipper, name, record, fromOffset),
    logBacklog: new LogBacklog(options.logBacklogBytes ?? DEFAULT_LOG_BACKLOG_BYTES),
    disk: new DiskWatch({
      folders: [options.workFolder, workspaces.controlFolder],
      minFree: options.minFree ?? DEFAULT_MIN_FREE,
      makeRoom: () => cache.evict(),
    }),
    keepFailed: options.keepFailed,
    graceMs: options.graceMs,
    onKept: ({ run, name: job }, folder) => log.info({ run, job, folder }, "kept a failed job's workspace"),
  });
  const codec = new MessageCodec();
  const randomness = systemRandomness();
  const system = createActorSystem({
    node: `agent-${randomness.id()}`,
    transport: new NatsTransport(bus),
    clock: systemClock,
    randomness,
    codec,
    log,
    subjectRoot: bus.subjects.actors(),
    deadLetterSubject: bus.subjects.deadLetters(),
    options: { takesRemote: false },
  });

  let end: (how: StopMode | "failed") => void = () => undefined;
  const over = new Promise<StopMode | "failed">((resolve) => {
    end = resolve;
  });
  const actor = system.spawn<AgentMessage>(
    "agent",
    () =>
      new AgentActor({
        identity: {
          name,
          capacity: options.capacity,
          labels: options.labels,
          pool: options.pool,
          host: { hostname: hostname(), platform: process.platform, arch: process.arch, pid: process.pid },
          versions: { millrace: version, node: process.version, engine: engine?.version ?? null },
        },
        subjects: bus.subjects,
        codec,
        tools,
        leftovers,
        heartbeatMs: options.heartbeatMs,
        readLoad: () => ({ load1: loadavg()[0] ?? 0, freeMemoryBytes: freemem() }),
        onStopped: end,
      }),
    {
      mailbox: { capacity: 100_000 },
      supervision: { decide: () => "stop" },
      onFailure: (error) => {
        log.error({ error: String(error) }, "the agent has failed");
        end("failed");
      },
    },
  );
  log.info(
    { agent: name, namespace, slots: options.capacity.slots, engine: engine?.version ?? null },
    "agent started",
  );

  const ended = over.then(async (how) => {
    await system.stop({ timeoutMs: SHUTDOWN_LIMIT_MS });
    // What runs is left alone where a successor is to find it; after a failure that is the only right thing, too.
    if (how === "leave" || how === "failed") shell.abandon();
    else await shell.close();
    await containers.close();
    shipper.close();
    acks.close();
    await bus.close();
    await cache.close();
    await workspaces.close(how === "now" ? "everything" : "free");
    return how === "failed" ? ("failed" as const) : ("stopped" as const);
  });
  return { ended, stop: (mode) => actor.tell({ kind: "stop", mode }) };
}
