/**
 * The bare exchange: the messages that a job cannot do without, and nothing else, between two processes of their own.
 * A job that is ready is appended to a journal; after that its request goes to the agent, which answers at once; the
 * result is appended; after that it is published as a dependency message, which is what makes others ready, and as an
 * event. Appends and events go in groups, one in flight, as ours do. No state machine, no lease, no check of anything: the
 * difference to it is what our logic costs.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { JobSpecInput } from "../../../shared/model/job-spec.ts";
import { startNatsServer, type TestServer } from "../../support/nats-server.ts";

const runTypescript = fileURLToPath(new URL("../../support/run-typescript.mjs", import.meta.url));
const programOf = (name: string): string => fileURLToPath(new URL(`./bare-${name}.ts`, import.meta.url));

export class BareExchange {
  readonly #server: TestServer;
  readonly #coordinator: ChildProcess;
  readonly #agent: ChildProcess;

  private constructor(server: TestServer, coordinator: ChildProcess, agent: ChildProcess) {
    this.#server = server;
    this.#coordinator = coordinator;
    this.#agent = agent;
  }

  static async open(): Promise<BareExchange> {
    const server = await startNatsServer();
    const coordinator = await start("coordinator", server.url);
    return new BareExchange(server, coordinator, await start("agent", server.url));
  }

  /** Resolves with the time that the graph took. */
  async run(jobs: readonly JobSpecInput[]): Promise<number> {
    const index = new Map(jobs.map(({ name }, place) => [name, place]));
    const needs = jobs.map((job) => (job.needs ?? []).map((need) => index.get(need.job)));
    const answered = once(this.#coordinator, "message");
    this.#coordinator.send({ needs });
    const [{ tookMs }] = (await answered) as [{ tookMs: number }];
    return tookMs;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(
      [this.#coordinator, this.#agent].map(async (child) => {
        const exited = once(child, "exit");
        child.disconnect();
        await exited;
      }),
    );
    await this.#server.stop();
  }
}

/** Resolves when it says that it is there; it ends when it is disconnected. */
async function start(name: string, server: string): Promise<ChildProcess> {
  const child = spawn(process.execPath, [runTypescript, programOf(name)], {
    env: { ...process.env, MILLRACE_SERVER: server },
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  const failed = once(child, "exit").then(() => Promise.reject(new Error(`the bare ${name} has ended`)));
  await Promise.race([once(child, "message"), failed]);
  failed.catch(() => undefined);
  return child;
}
