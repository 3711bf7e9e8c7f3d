/**
 * A real nats-server for one test file: JetStream on, loopback, a port of its own, data in a temporary folder.
 * `MILLRACE_TEST_NATS_SERVER` names another binary to test against.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { waitUntil } from "./wait-until.ts";

export interface TestServerOptions {
  readonly binary?: string;
  /** More lines for the configuration file, e.g. `max_payload: 65536`. */
  readonly config?: string;
  /** What JetStream may keep on disk, as the configuration file has it; more than most tests need by default. */
  readonly maxFile?: string;
}

/** `kill` is SIGKILL, `stop` is an orderly end that also removes the data; after either one the port stays known. */
export interface TestServer {
  readonly url: string;
  readonly port: number;
  readonly dataFolder: string;
  pid(): number;
  /** What the server has logged. */
  log(): Promise<string>;
  kill(): Promise<void>;
  /** Ends the server in order if it runs, and starts it on the same port with the same data. */
  restart(): Promise<void>;
  stop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

const binaries = ["/usr/sbin/nats-server", "/usr/local/bin/nats-server", "/usr/bin/nats-server"];

/** Starts a server and resolves when it takes connections. */
export async function startNatsServer(options: TestServerOptions = {}): Promise<TestServer> {
  const binary =
    options.binary ??
    process.env.MILLRACE_TEST_NATS_SERVER ??
    binaries.find((path) => existsSync(path)) ??
    "nats-server";
  const folder = await mkdtemp(join(tmpdir(), "millrace-nats-"));
  const configFile = join(folder, "server.conf");

  async function start(port: number): Promise<ChildProcess> {
    await writeFile(configFile, configuration(folder, port, options));
    const child = spawn(binary, ["-c", configFile], { stdio: "ignore" });
    await once(child, "spawn");
    return child;
  }

  async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, "exit");
    child.kill(signal);
    await exited;
  }

  let server = await start(-1);
  const endWithTheTests = (): void => {
    server.kill("SIGKILL");
  };
  process.once("exit", endWithTheTests);
  const port = await waitUntil("nats-server writes its ports file", () => portOf(folder, server), {
    intervalMs: 2,
    diagnose: () => readLog(folder),
  });
  await waitUntil("nats-server takes connections", () => accepts(port), { intervalMs: 2 });

  async function stop(): Promise<void> {
    await end(server, "SIGTERM");
    process.off("exit", endWithTheTests);
    await rm(folder, { recursive: true, force: true });
  }

  return {
    url: `nats://127.0.0.1:${port}`,
    port,
    dataFolder: folder,
    pid: () => server.pid as number,
    log: () => readLog(folder),
    kill: () => end(server, "SIGKILL"),
    restart: async () => {
      await end(server, "SIGTERM");
      server = await start(port);
      await waitUntil("nats-server takes connections again", () => accepts(port), {
        // It reads what it has stored first, which may be gigabytes.
        timeoutMs: 60_000,
        intervalMs: 2,
        diagnose: () => readLog(folder),
      });
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

function configuration(
  folder: string,
  port: number,
  { config = "", maxFile = "4GB" }: TestServerOptions,
): string {
  return [
    `listen: "127.0.0.1:${port}"`,
    `ports_file_dir: ${JSON.stringify(folder)}`,
    `log_file: ${JSON.stringify(join(folder, "server.log"))}`,
    `jetstream { store_dir: ${JSON.stringify(folder)}, max_mem: 256MB, max_file: ${maxFile} }`,
    config,
  ].join("\n");
}

async function portOf(folder: string, server: ChildProcess): Promise<number | undefined> {
  if (server.exitCode !== null) throw new Error(`nats-server ended: ${await readLog(folder)}`);
  try {
    const text = await readFile(join(folder, `nats-server_${server.pid}.ports`), "utf8");
    const { nats } = JSON.parse(text) as { nats: string[] };
    return Number(new URL(nats[0] as string).port);
  } catch {
    return undefined; // not written yet, or half written
  }
}

async function readLog(folder: string): Promise<string> {
  return readFile(join(folder, "server.log"), "utf8").catch(() => "(no log)");
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
