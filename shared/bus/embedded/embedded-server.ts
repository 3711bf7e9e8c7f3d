/** A nats-server that this process starts and ends. */
import { spawn } from "node:child_process";
import { open } from "node:fs/promises";
import type { FoundServer } from "./find-server.ts";
import { ServerFolder } from "./server-folder.ts";

export interface EmbeddedServer {
  /** With credentials; never for a command line, which others can read. */
  readonly url: string;
  readonly pid: number;
  /** Resolves when the server has ended, with its exit status or signal. */
  readonly ended: Promise<string>;
  /** Ends it in order, or after two seconds the hard way. */
  stop(): Promise<void>;
}

const READY_TIMEOUT_MS = 30_000;
const STOP_GRACE_MS = 2_000;

/** Starts a server with its configuration and data in the folder, and resolves when it takes connections. */
export async function startEmbeddedServer(server: FoundServer, folder: string): Promise<EmbeddedServer> {
  const prepared = await ServerFolder.prepare(folder);
  const log = await open(prepared.logFile, "a");
  let failure: string | undefined;
  // node:child_process, as execa takes longer to load than the server to start.
  const child = spawn(server.path, ["-c", prepared.configFile], {
    // A process group of its own: a terminal's Ctrl-C must reach only the command, which then ends the server.
    detached: true,
    stdio: ["ignore", log.fd, log.fd],
  });
  const ended = new Promise<string>((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("exit", (status, signal) => resolve(signal ?? `exit status ${status}`));
  }).then((reason) => {
    failure = reason;
    return reason;
  });
  await log.close();

  async function stop(): Promise<void> {
    if (failure !== undefined) return;
    child.kill("SIGTERM");
    const killer = setTimeout(() => child.kill("SIGKILL"), STOP_GRACE_MS);
    await ended;
    clearTimeout(killer);
  }

  try {
    const url = await prepared.untilReady(() => failure, READY_TIMEOUT_MS);
    return { url, pid: child.pid as number, ended, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
