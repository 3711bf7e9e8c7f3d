/**
 * A cluster to be struck: nats-server, two coordinators, three agents, each with a network of its own, as processes
 * of the built code. Everything it leaves is below one folder: logs, workspaces, the ledger of executions.
 */
import { appendFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Bus, connectBus } from "../../shared/bus/connection.ts";
import { type Client, connect } from "../../shared/client/index.ts";
import type { TestServer } from "../support/nats-server.ts";
import { waitUntil } from "../support/wait-until.ts";
import { endProcessesAbout } from "./leftovers.ts";
import { Link } from "./link.ts";
import { type ServerGroup, startServerCluster, startSingleServer, urlOf } from "./server-group.ts";
import { Service } from "./service.ts";
import { Timeline } from "./timeline.ts";
import { agentVariables } from "./workload.ts";

const programs = {
  coordinator: fileURLToPath(new URL("../../dist/coordinator/cli/main.js", import.meta.url)),
  agent: fileURLToPath(new URL("../../dist/agent/cli/main.js", import.meta.url)),
};

export interface StageOptions {
  /** Three servers that replicate, instead of one. */
  readonly clustered?: boolean;
  readonly agents?: number;
  readonly slots?: number;
  readonly coordinators?: number;
  readonly heartbeatMs?: number;
  /** Silence after which an agent's jobs are given to others. */
  readonly lostAfterMs?: number;
}

/** How each agent takes SIGTERM, in turn: to the runs it must make no difference. */
const stopModes = ["drain", "leave", "now"] as const;
const stopModeOf = (index: number): (typeof stopModes)[number] => stopModes[index % stopModes.length]!;
const names = (letter: string, count: number): string[] =>
  Array.from({ length: count }, (_, index) => `${letter}${index + 1}`);

const START_LIMIT_MS = 60_000;
/** The operator's commands wait for a coordinator longer than any fault lasts. */
const REQUEST_LIMIT_MS = 60_000;

export class Stage {
  readonly folder: string;
  readonly timeline: Timeline;
  readonly servers: ServerGroup;
  readonly services = new Map<string, Service>();
  readonly links = new Map<string, Link>();
  readonly coordinators: readonly string[];
  readonly agents: readonly string[];
  /** Agents that end their jobs when they are stopped. */
  readonly abandoning: readonly string[];
  /** Below it are the work folders of agents. */
  readonly workRoot: string;
  readonly heartbeatMs: number;
  readonly lostAfterMs: number;
  readonly ledgerFile: string;
  /** Processes that ended although nobody wanted it, and how. */
  readonly unaskedEnds: string[] = [];
  readonly #closing: (() => Promise<unknown>)[] = [];

  private constructor(folder: string, servers: ServerGroup, options: StageOptions) {
    this.folder = folder;
    this.servers = servers;
    this.timeline = new Timeline(join(folder, "timeline.txt"));
    this.lostAfterMs = options.lostAfterMs ?? 5_000;
    this.heartbeatMs = options.heartbeatMs ?? 500;
    this.ledgerFile = join(folder, "ledger");
    this.workRoot = join(folder, "work");
    this.coordinators = names("c", options.coordinators ?? 2);
    this.agents = names("a", options.agents ?? 3);
    this.abandoning = this.agents.filter((_, index) => stopModeOf(index) === "now");
  }

  /** Starts all of it and resolves when every agent is up. */
  static async open(options: StageOptions = {}): Promise<Stage> {
    const folder = await mkdtemp(join(tmpdir(), "millrace-chaos-"));
    const servers = await (options.clustered ? startServerCluster() : startSingleServer());
    const stage = new Stage(folder, servers, options);
    try {
      for (const name of stage.coordinators) await stage.addCoordinator(name, "chaos");
      for (const [index, name] of stage.agents.entries()) {
        const slots = String(options.slots ?? 2);
        await stage.addAgent(name, "chaos", ["--slots", slots, "--stop", stopModeOf(index)]);
      }
      await stage.agentsAreUp(await stage.client("chaos"), stage.agents.length);
    } catch (error) {
      await stage.close();
      throw error;
    }
    return stage;
  }

  async addCoordinator(name: string, namespace: string): Promise<void> {
    const { url } = await this.addLink(name);
    const times = ["--heartbeat", `${this.heartbeatMs}ms`, "--lost-after", `${this.lostAfterMs}ms`];
    const replicas = ["--replicas", this.servers.size > 1 ? "3" : "1"];
    const command = [programs.coordinator, "coordinator", "--namespace", namespace, ...times, ...replicas];
    this.#addService("coordinator", name, command, { MILLRACE_SERVER: url });
  }

  async addAgent(
    name: string,
    namespace: string,
    more: readonly string[],
    variables: NodeJS.ProcessEnv = { [agentVariables.ledger]: this.ledgerFile },
  ): Promise<void> {
    const { url } = await this.addLink(name);
    const passed = Object.values(agentVariables).flatMap((variable) => ["--pass-env", variable]);
    const own = ["--namespace", namespace, "--name", name, "--work-dir", this.workFolder(name)];
    const times = ["--heartbeat", `${this.heartbeatMs}ms`, "--grace", "1s"];
    this.#addService("agent", name, [programs.agent, ...own, ...times, ...passed, ...more], {
      MILLRACE_SERVER: url,
      ...variables,
    });
  }

  workFolder(agent: string): string {
    return join(this.workRoot, agent);
  }

  /** Of a coordinator or an agent, over all its starts. */
  logFile(name: string): string {
    return join(this.folder, `${name}.log`);
  }

  /** A network of its own for something that connects by the name. */
  async addLink(name: string): Promise<Link> {
    const link = await Link.open(this.servers);
    this.links.set(name, link);
    this.#closing.push(() => link.close());
    return link;
  }

  /** A client that waits for coordinators; with a link its network can be struck. */
  async client(namespace: string, link?: Link): Promise<Client> {
    const client = await connect({
      server: link?.url ?? urlOf(this.servers),
      namespace,
      name: "chaos",
      timeoutMs: START_LIMIT_MS,
      requestTimeoutMs: REQUEST_LIMIT_MS,
    });
    this.#closing.push(() => client.close());
    return client;
  }

  /** For what the client library does not show: the journal above all. */
  async bus(namespace: string): Promise<Bus> {
    const bus = await connectBus({ server: urlOf(this.servers), namespace, name: "chaos" });
    this.#closing.push(() => bus.close());
    return bus;
  }

  /** Waits for them; whatever ends instead of coming up makes it fail at once. */
  async agentsAreUp(client: Client, count: number): Promise<void> {
    const endsBefore = this.unaskedEnds.length;
    const up = async (): Promise<boolean> => {
      const end = this.unaskedEnds[endsBefore];
      if (end !== undefined) throw new Error(`${end}; see ${this.folder}`);
      let found = 0;
      for await (const agent of client.agents()) if (agent.state === "up") found += 1;
      return found === count;
    };
    await waitUntil(`${count} agents are up`, up, { timeoutMs: START_LIMIT_MS, intervalMs: 100 });
  }

  /** Ends agents and coordinators in order, agents first; the servers stay. */
  async stopServices(): Promise<void> {
    const services = [...this.services.values()];
    await Promise.all(services.filter(({ role }) => role === "agent").map((agent) => agent.stop()));
    await Promise.all(services.map((service) => service.stop()));
  }

  /** Ends everything, in whatever state it is. The folder stays unless `forget` was called. */
  async close(): Promise<void> {
    await Promise.all([...this.services.values()].map((service) => service.retire()));
    endProcessesAbout(this.folder);
    await Promise.allSettled(this.#closing.map((close) => close()));
    await Promise.all([...this.servers.values()].map(endServer));
  }

  /** Removes its folder. */
  async forget(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }

  #addService(
    role: Service["role"],
    name: string,
    command: readonly string[],
    environment: NodeJS.ProcessEnv,
  ): void {
    const logFile = this.logFile(name);
    const service = new Service({
      name,
      role,
      command,
      environment: { ...process.env, ...environment },
      logFile,
      ...(role === "agent" ? { upLine: "agent started" } : {}),
      onUnasked: (how) => {
        const what = `${name} has ended by itself: ${how}`;
        this.unaskedEnds.push(what);
        this.timeline.note(what);
      },
    });
    this.services.set(name, service);
    appendFileSync(logFile, "");
    service.start();
  }
}

/** Also one that is paused. */
async function endServer(server: TestServer): Promise<void> {
  await server.kill();
  await server.stop();
}
