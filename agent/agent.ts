/** An agent process put together: bus, folders, runners, stores, actors. No decisions here. */
import { freemem, hostname, loadavg } from "node:os";
import { join } from "node:path";
import type { Logger } from "../shared/actor/contract.ts";
import { MessageCodec } from "../shared/actor/message-codec.ts";
import { systemRandomness } from "../shared/actor/randomness.ts";
import { createActorSystem } from "../shared/actor/system.ts";
import { systemClock } from "../shared/actor/system-clock.ts";
import { Subjects } from "../shared/bus/subjects.ts";
import type { Pairs } from "../shared/model/job-spec.ts";
import { ability, type Capacity } from "../shared/model/messages.ts";
import { version } from "../shared/model/version.ts";
import { AgentActor, type AgentMessage } from "./actors/agent-actor.ts";
import { HostTools } from "./actors/attempt-tools.ts";
import { LogBacklog } from "./actors/log-backlog.ts";
import { attemptKey } from "./core/attempt-key.ts";
import type { MinFree } from "./core/disk-room.ts";
import type { StopMode } from "./core/stopping.ts";
import { createContainerRunner } from "./runners/container-runner.ts";
import { detectEngine } from "./runners/engine.ts";
import { HostDesk } from "./runners/host-desk.ts";
import { hostEnvironment } from "./runners/host-environment.ts";
import { hostIdentity } from "./runners/host-identity.ts";
import { type HostLayout, tryHostLayout } from "./runners/host-layout.ts";
import { takesLayers } from "./runners/layer-volumes.ts";
import { NoopRunner } from "./runners/noop-runner.ts";
import { ShellRunner } from "./runners/shell-runner.ts";
import { spreadSubfolders } from "./runners/spread-folder.ts";
import { ServerLink } from "./server-link.ts";
import { Stores } from "./stores.ts";
import { ControlFiles } from "./workspaces/control-files.ts";
import { DiskWatch } from "./workspaces/disk-watch.ts";
import { InputCache } from "./workspaces/input-cache.ts";
import { InputLayers } from "./workspaces/input-layers.ts";
import { notedLayers } from "./workspaces/layer-note.ts";
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
  /** Takes no jobs with an image or the paths of a package: what that needs takes a dozen processes to find out. */
  readonly isShellOnly?: boolean;
  readonly heartbeatMs: number;
  /** Between TERM and KILL for a job that passed a limit or was cancelled. */
  readonly graceMs: number;
  /** Variables of the agent's environment that pass to shell jobs beside the usual ones. */
  readonly passEnvironment: readonly string[];
  /** What must stay free on the file systems of its folders; below it the agent takes no jobs. */
  readonly minFree?: MinFree;
  /** How many bytes of logs may wait on disk for a server that is away, before the oldest are cut. */
  readonly logBacklogBytes?: number;
  /** What takes the jobs that have no image: a shell, or for benchmarks nothing at all. */
  readonly runner?: "shell" | "noop";
  readonly log: Logger;
}

export interface RunningAgent {
  /** Resolves when it has ended; rejects when it had to because there will never be a connection. */
  readonly ended: Promise<"stopped" | "failed">;
  /** Asks it to end; a later call may only make it quicker. */
  stop(mode: StopMode): void;
}

const SHUTDOWN_LIMIT_MS = 2_000;
/** It takes a process, which would delay the first job of a cold start. */
const SPREAD_AFTER_MS = 1_000;
const DEFAULT_MIN_FREE: MinFree = { bytes: 2 ** 30, share: 0.05 };
const DEFAULT_LOG_BACKLOG_BYTES = 2 ** 30;

const notTried: HostLayout = { kind: "refused", reason: "it was told to take jobs of the shell only" };

type Ending =
  | { readonly kind: "stopped"; readonly mode: StopMode }
  | { readonly kind: "failed"; readonly error?: unknown };

/** Starts an agent; resolves when it has taken over what an earlier process left, whether its server is there or not. */
export async function startAgent(options: AgentOptions): Promise<RunningAgent> {
  const { log, name, namespace } = options;
  const subjects = new Subjects(namespace);
  // It takes a process or two: what needs no engine is begun meanwhile.
  const detecting = options.isShellOnly === true ? undefined : detectEngine();
  const identity = hostIdentity();
  const controlFiles = new ControlFiles();
  const { workspaces, leftovers } = await Workspaces.open(options.workFolder, {
    controlFiles,
    onControlLost: (folder) =>
      log.error(
        { folder },
        "somebody has removed the control files: jobs that run go on, but are lost if this agent ends before them; see docs/agent.md",
      ),
  });
  // In the work folder, which is this agent's alone by now.
  const trying =
    options.isShellOnly === true ? notTried : tryHostLayout(join(options.workFolder, "layout-trial"));
  let end: (ending: Ending) => void = () => undefined;
  const over = new Promise<Ending>((resolve) => {
    end = resolve;
  });
  const link = new ServerLink({
    server: options.server,
    namespace,
    name,
    subjects,
    log,
    onFailure: (error) => end({ kind: "failed", error }),
  });
  const stores = new Stores(name, link.connected);
  const cachePath = join(options.workFolder, "cache");
  const cache = await InputCache.open(cachePath, stores);
  const inherited = new Map(
    leftovers.map(({ record, place }) => [attemptKey(record), notedLayers(place.control)]),
  );
  const layersPath = join(options.workFolder, "layers");
  const layers = await InputLayers.open(layersPath, cache, [...inherited.values()].flat());
  const [engine, hostLayout] = await Promise.all([detecting, trying]);
  const shell =
    options.runner === "noop"
      ? new NoopRunner()
      : new ShellRunner({
          environment: hostEnvironment(process.env, options.passEnvironment),
          controlFiles,
          hostLayout,
        });
  if (options.runner === "noop")
    log.warn({}, "--runner noop: jobs are said to have succeeded, and are not run");
  const containers = createContainerRunner({
    engine,
    agent: name,
    folder: options.workFolder,
    leftovers: new Set(leftovers.map(({ record }) => attemptKey(record))),
    onTrouble: (error) => log.warn({ error: error.message }, "trouble with a container"),
  });
  const hostDesk = new HostDesk({ engine, folder: options.workFolder, identity });
  const tools = new HostTools({
    workspaces,
    cache,
    layers,
    inherited,
    mannerFor: (image) => {
      if (image === undefined)
        return hostLayout.kind === "possible" && hostLayout.layers ? "layers" : "copies";
      // The engine copies links into the container.
      return takesLayers(engine, hostLayout, options.workFolder) ? "layers" : "links";
    },
    shell,
    containers,
    artifacts: stores,
    readDocument: (digest, signal) => stores.readDocument(digest, signal),
    openLogSink: (record, fromOffset) => stores.openLogSink(record, fromOffset),
    logBacklog: new LogBacklog(options.logBacklogBytes ?? DEFAULT_LOG_BACKLOG_BYTES),
    disk: new DiskWatch({
      folders: [options.workFolder, workspaces.controlFolder],
      minFree: options.minFree ?? DEFAULT_MIN_FREE,
      makeRoom: () => layers.evict(),
    }),
    keepFailed: options.keepFailed,
    graceMs: options.graceMs,
    answer: (question, isHeld) => hostDesk.answer(question, isHeld),
    hostIdentity: identity,
    onKept: ({ run, name: job }, folder) => log.info({ run, job, folder }, "kept a failed job's workspace"),
  });
  const codec = new MessageCodec();
  const randomness = systemRandomness();
  const system = createActorSystem({
    node: `agent-${randomness.id()}`,
    transport: link.transport,
    clock: systemClock,
    randomness,
    codec,
    log,
    subjectRoot: subjects.actors(),
    deadLetterSubject: subjects.deadLetters(),
    options: { takesRemote: false },
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
          host: {
            hostname: hostname(),
            platform: process.platform,
            arch: process.arch,
            pid: process.pid,
            identity,
          },
          abilities: [
            ability.packageJobs,
            ability.hostQuestions,
            ...(hostLayout.kind === "possible" ? [ability.hostLayout] : []),
          ],
          versions: { millrace: version, node: process.version, engine: engine?.version ?? null },
        },
        subjects,
        codec,
        tools,
        leftovers,
        heartbeatMs: options.heartbeatMs,
        readLoad: () => ({ load1: loadavg()[0] ?? 0, freeMemoryBytes: freemem() }),
        onStopped: (mode) => end({ kind: "stopped", mode }),
      }),
    {
      mailbox: { capacity: 100_000 },
      supervision: { decide: () => "stop" },
      onFailure: (error) => {
        log.error({ error: String(error) }, "the agent has failed");
        end({ kind: "failed" });
      },
    },
  );
  if (hostLayout.kind === "refused")
    log.info({ reason: hostLayout.reason }, "takes no jobs with the paths of a package but in containers");
  log.info(
    { agent: name, namespace, slots: options.capacity.slots, engine: engine?.version ?? null },
    "agent started",
  );

  const unrelated = [workspaces.attemptsFolder, cachePath, layersPath];
  const spreading = setTimeout(() => void spreadSubfolders(unrelated), SPREAD_AFTER_MS);
  const ended = over.then(async (ending) => {
    clearTimeout(spreading);
    await system.stop({ timeoutMs: SHUTDOWN_LIMIT_MS });
    // What runs is left alone where a successor is to find it; after a failure that is the only right thing, too.
    if (ending.kind === "failed" || ending.mode === "leave") shell.abandon();
    else await shell.close();
    await containers.close();
    await link.close();
    await stores.close();
    await layers.close();
    await cache.close();
    await workspaces.close(ending.kind === "stopped" && ending.mode === "now" ? "everything" : "free");
    if (ending.kind === "failed" && ending.error !== undefined) throw ending.error;
    return ending.kind;
  });
  return { ended, stop: (mode) => actor.tell({ kind: "stop", mode }) };
}
