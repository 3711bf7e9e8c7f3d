import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Client, connect } from "../../shared/client/index.ts";
import { startNatsServer, type TestServer } from "./nats-server.ts";
import { waitUntil } from "./wait-until.ts";

const commands = {
  coordinator: fileURLToPath(new URL("../../dist/coordinator/cli/main.js", import.meta.url)),
  agent: fileURLToPath(new URL("../../dist/agent/cli/main.js", import.meta.url)),
};

export interface ClusterOptions {
  readonly agents?: number;
  /** Slots of each agent. */
  readonly slots?: number;
  readonly agentArguments?: readonly string[];
  /** More lines for the server's configuration file. */
  readonly serverConfig?: string;
}

/** A whole cluster of real processes: nats-server, a coordinator, agents named a1, a2, …; built code. */
export class Cluster {
  readonly server: TestServer;
  readonly client: Client;
  readonly folder: string;
  readonly #options: ClusterOptions;
  readonly #processes = new Map<string, ChildProcess>();

  private constructor(server: TestServer, client: Client, folder: string, options: ClusterOptions) {
    this.server = server;
    this.client = client;
    this.folder = folder;
    this.#options = options;
  }

  static async start(options: ClusterOptions = {}): Promise<Cluster> {
    const { serverConfig } = options;
    const server = await startNatsServer(serverConfig === undefined ? {} : { config: serverConfig });
    const folder = await mkdtemp(join(tmpdir(), "millrace-cluster-"));
    const client = await connect({ server: server.url, timeoutMs: 20_000 });
    const cluster = new Cluster(server, client, folder, options);
    cluster.startCoordinator();
    const count = options.agents ?? 1;
    for (let number = 1; number <= count; number++) cluster.startAgent(`a${number}`);
    await cluster.waitForAgents(count);
    return cluster;
  }

  /** The first one, unless another name is given; names of coordinators begin with `coordinator`. */
  startCoordinator(name = "coordinator"): void {
    this.#start(name, commands.coordinator, ["coordinator"]);
  }

  startAgent(name: string): void {
    const slots = String(this.#options.slots ?? 2);
    const workDir = join(this.folder, name);
    const more = this.#options.agentArguments ?? [];
    this.#start(name, commands.agent, ["--name", name, "--slots", slots, "--work-dir", workDir, ...more]);
  }

  async waitForAgents(count: number): Promise<void> {
    await waitUntil(
      `${count} agents are up`,
      async () => {
        let up = 0;
        for await (const agent of this.client.agents()) if (agent.state === "up") up += 1;
        return up >= count;
      },
      { timeoutMs: 30_000, diagnose: () => this.logs() },
    );
  }

  /** All that a process has logged. */
  log(name: string): Promise<string> {
    return readFile(this.#logOf(name), "utf8");
  }

  /** Process id of a coordinator or of an agent. */
  pid(name: string): number {
    const pid = this.#processes.get(name)?.pid;
    if (pid === undefined) throw new Error(`${name} does not run`);
    return pid;
  }

  /** Sends a signal and waits for the process to end. */
  async end(name: string, signal: NodeJS.Signals): Promise<void> {
    const child = this.#processes.get(name);
    this.#processes.delete(name);
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, "exit");
    child.kill(signal);
    await exited;
  }

  async logs(): Promise<Record<string, string>> {
    const logs: Record<string, string> = {};
    for (const name of this.#processes.keys()) {
      logs[name] = (await readFile(this.#logOf(name), "utf8")).slice(-4000);
    }
    return logs;
  }

  async stop(): Promise<void> {
    const names = [...this.#processes.keys()];
    const isCoordinator = (name: string): boolean => name.startsWith("coordinator");
    const end = (name: string): Promise<void> => this.end(name, "SIGTERM");
    await Promise.all(names.filter((name) => !isCoordinator(name)).map(end));
    await Promise.all(names.filter(isCoordinator).map(end));
    await this.client.close();
    await this.server.stop();
    await rm(this.folder, { recursive: true, force: true });
  }

  #start(name: string, main: string, args: readonly string[]): void {
    const log = openSync(this.#logOf(name), "a");
    const child = spawn(process.execPath, [main, ...args], {
      env: { ...process.env, MILLRACE_SERVER: this.server.url },
      stdio: ["ignore", log, log],
    });
    closeSync(log);
    this.#processes.set(name, child);
  }

  #logOf(name: string): string {
    return join(this.folder, `${name}.log`);
  }
}
