/** A cluster to be measured: nats-server, a coordinator and agents as processes of the built product. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Client, connect } from "../../shared/client/index.ts";
import type { JobSpecInput } from "../../shared/model/job-spec.ts";
import { startNatsServer, type TestServer } from "../support/nats-server.ts";
import { waitUntil } from "../support/wait-until.ts";
import type { Reading } from "./account/job-cost.ts";
import { peakBytesOf, treeTimeOf } from "./account/processor-time.ts";
import { monitoringConfig, ServerMonitor } from "./account/server-counters.ts";
import { type CoordinatorReport, MeasuredCoordinator } from "./measured-coordinator.ts";
import type { Product } from "./row.ts";
import { Service } from "./service.ts";

export interface StageOptions {
  readonly agents?: number;
  /** Slots of each agent. */
  readonly slots?: number;
  readonly runner?: "shell" | "noop";
  /** Whether the coordinator tells how long its event loop was held, which wakes it 200 times a second. Default: true. */
  readonly isLoopWatched?: boolean;
}

const START_LIMIT_MS = 60_000;
/** Requests about large runs may wait behind them. */
const REQUEST_LIMIT_MS = 60_000;

export class Stage {
  readonly server: TestServer;
  readonly client: Client;
  readonly #folder: string;
  readonly #monitor: ServerMonitor;
  readonly #coordinator: MeasuredCoordinator;
  readonly #agents = new Map<string, Service>();
  #closed: Promise<CoordinatorReport> | undefined;

  private constructor(
    server: TestServer,
    monitor: ServerMonitor,
    client: Client,
    folder: string,
    product: Product,
    { agents = 1, slots = 2, runner = "shell", isLoopWatched = true }: StageOptions,
  ) {
    this.server = server;
    this.client = client;
    this.#monitor = monitor;
    this.#folder = folder;
    this.#coordinator = new MeasuredCoordinator(product, server.url, folder, { isLoopWatched });
    for (let number = 1; number <= agents; number++) {
      const name = `a${number}`;
      const place = ["--name", name, "--label", `name=${name}`, "--work-dir", join(folder, name)];
      const args = [
        ...product.nodeArguments,
        product.agent,
        ...place,
        "--slots",
        String(slots),
        "--runner",
        runner,
      ];
      const agent = new Service(args, { MILLRACE_SERVER: server.url }, join(folder, `${name}.log`));
      this.#agents.set(name, agent);
    }
  }

  /** Starts all of it and resolves when every agent is up; the agents are `a1`, `a2`, …, each with its name as label. */
  static async open(product: Product, options: StageOptions = {}): Promise<Stage> {
    const server = await startNatsServer({ config: monitoringConfig });
    const folder = await mkdtemp(join(tmpdir(), "millrace-bench-"));
    const client = await connect({
      server: server.url,
      name: "bench",
      timeoutMs: START_LIMIT_MS,
      requestTimeoutMs: REQUEST_LIMIT_MS,
    });
    const stage = new Stage(server, await ServerMonitor.of(server), client, folder, product, options);
    try {
      await stage.agentsAreUp(stage.#agents.size);
      stage.#coordinator.forgetStart();
    } catch (error) {
      await stage.close().catch(() => undefined);
      throw error;
    }
    return stage;
  }

  /** Waits for so many, its own and others. */
  async agentsAreUp(count: number): Promise<void> {
    const areUp = async (): Promise<boolean> => {
      let up = 0;
      for await (const agent of this.client.agents()) if (agent.state === "up") up += 1;
      return up === count;
    };
    const diagnose = (): Promise<string[]> =>
      Promise.all([this.#coordinator.service, ...this.#agents.values()].map((service) => service.log()));
    await waitUntil(`${count} agents are up`, areUp, { timeoutMs: START_LIMIT_MS, intervalMs: 50, diagnose });
  }

  /** Runs a graph to its end, and resolves with the time that took; every job must succeed. */
  async run(jobs: readonly JobSpecInput[]): Promise<number> {
    const started = performance.now();
    const { run } = await this.client.submit({ jobs: [...jobs] });
    const view = await this.client.waitFor(run);
    const tookMs = performance.now() - started;
    if (view.counts.succeeded !== jobs.length) {
      throw new Error(`${view.counts.succeeded} of ${jobs.length} jobs succeeded; ${view.reason ?? ""}`);
    }
    return tookMs;
  }

  /** What has been used and counted so far. */
  async read(): Promise<Reading> {
    const { user, system } = process.cpuUsage();
    const agents = [...this.#agents.values()].map(({ pid }) => treeTimeOf(pid));
    const sum = (values: number[]): number => values.reduce((total, value) => total + value, 0);
    return {
      times: {
        coordinatorMs: treeTimeOf(this.#coordinator.service.pid).ownMs,
        agentMs: sum(agents.map(({ ownMs }) => ownMs)),
        serverMs: treeTimeOf(this.server.pid()).ownMs,
        shellsMs: sum(agents.map(({ childrenMs }) => childrenMs)),
        clientMs: (user + system) / 1000,
      },
      counters: await this.#monitor.read(),
    };
  }

  /** The most memory that the coordinator has had so far. */
  coordinatorPeakBytes(): number {
    return peakBytesOf(this.#coordinator.service.pid);
  }

  /** The most memory that any of the agents has had so far. */
  agentPeakBytes(): number {
    return Math.max(...[...this.#agents.values()].map(({ pid }) => peakBytesOf(pid)));
  }

  /** Ends all of it in order, and resolves with what the coordinator took. */
  close(): Promise<CoordinatorReport> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(): Promise<CoordinatorReport> {
    try {
      await Promise.all([...this.#agents.values()].map((agent) => agent.end()));
      return await this.#coordinator.end();
    } finally {
      await this.client.close();
      await this.server.stop();
      await rm(this.#folder, { recursive: true, force: true });
    }
  }
}
