import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach } from "vitest";
import { type AgentOptions, type RunningAgent, startAgent } from "../../../agent/agent.ts";
import { type Bus, connectBus } from "../../../shared/bus/connection.ts";
import { ensureStreams, type StreamOptions } from "../../../shared/bus/streams.ts";
import type { JobRequest } from "../../../shared/model/messages.ts";
import { startNatsServer, type TestServer } from "../../support/nats-server.ts";
import { silentLog } from "../../support/silent-log.ts";
import { jobRequest } from "../../unit/agent/request.ts";
import { ScriptedCoordinator } from "./scripted-coordinator.ts";

let count = 0;

/** What one test of agents has to itself: a namespace of the server, a folder, and a coordinator that says what it is told. */
export class AgentScene {
  readonly namespace: string;
  readonly folder: string;
  readonly bus: Bus;
  readonly coordinator: ScriptedCoordinator;
  readonly agents: RunningAgent[] = [];
  readonly #server: TestServer;

  private constructor(server: TestServer, namespace: string, bus: Bus) {
    this.#server = server;
    this.namespace = namespace;
    this.bus = bus;
    this.folder = mkdtempSync(join(tmpdir(), `millrace-${namespace}-`));
    this.coordinator = new ScriptedCoordinator(bus, "a1");
  }

  static async open(server: TestServer, name: string, streams: StreamOptions = {}): Promise<AgentScene> {
    count += 1;
    const namespace = `${name}-${count}`;
    const bus = await connectBus({ server: server.url, name: "test", namespace });
    await ensureStreams(bus, streams);
    return new AgentScene(server, namespace, bus);
  }

  /** Starts the agent a1 in this process; resolves when it has said hello. */
  async start(options: Partial<AgentOptions> = {}): Promise<RunningAgent> {
    const agent = await startAgent({
      server: this.#server.url,
      namespace: this.namespace,
      name: "a1",
      capacity: { slots: 2, cpu: 4, memoryBytes: 2 ** 30 },
      labels: [],
      pool: "",
      workFolder: join(this.folder, "work"),
      keepFailed: false,
      heartbeatMs: 200,
      graceMs: 500,
      passEnvironment: [],
      log: silentLog,
      ...options,
    });
    this.agents.push(agent);
    await this.coordinator.joined();
    return agent;
  }

  /** Orders it and resolves with the outcome it is answered with. */
  async outcomeOf(request: JobRequest): Promise<unknown> {
    this.coordinator.order({ kind: "start", request });
    const answer = await this.coordinator.answerOf(request.lease);
    return answer.kind === "finished" ? answer.result.outcome : answer;
  }

  async stopAgents(): Promise<void> {
    for (const agent of this.agents) agent.stop("now");
    await Promise.all(this.agents.map((agent) => agent.ended));
  }

  async close(): Promise<void> {
    await this.stopAgents();
    await this.bus.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** One server for the tests of a file, and for each test a scene of its own, with which it begins. */
export function eachInItsScene(
  name: string,
  streams: StreamOptions,
  begin: (scene: AgentScene, server: TestServer) => void,
): void {
  let server: TestServer;
  let scene: AgentScene;
  beforeAll(async () => {
    server = await startNatsServer();
  });
  afterAll(async () => {
    await server.stop();
  });
  beforeEach(async () => {
    scene = await AgentScene.open(server, name, streams);
    begin(scene, server);
  });
  afterEach(async () => {
    await scene.close();
  });
}

export function scriptRequest(script: string, spec: Partial<JobRequest["spec"]> = {}): JobRequest {
  return jobRequest({ spec: { run: { script }, ...spec } });
}
