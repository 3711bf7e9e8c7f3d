/** Starts a local cluster's guard, which starts everything else. The caller holds the start lock. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, existsSync, readFileSync } from "node:fs";
import { type FileHandle, mkdir, open, readFile, rm, writeFile } from "node:fs/promises";
import { findServer } from "../../../shared/bus/embedded/find-server.ts";
import { ServerFolder } from "../../../shared/bus/embedded/server-folder.ts";
import { guardScript } from "./guard-script.ts";
import { SERVER_FILE_VARIABLE, writeServerFile } from "./server-file.ts";
import type { StateFolder } from "./state-folder.ts";
import { CLUSTER_VARIABLE, endSurvivors } from "./survivors.ts";
import { UserLine } from "./user-line.ts";

export interface ClusterStart {
  /**
   * Program and arguments; started again when it ends. It finds the server's URL in the file that `MILLRACE_SERVER_FILE`
   * names, which may have to be waited for.
   */
  readonly coordinatorCommand: readonly string[];
  /** Of the guard and all it starts; also says where nats-server is looked for. Default: this process's. */
  readonly environment?: NodeJS.ProcessEnv;
  /** Called when the coordinator loads, which takes longest of all: now is the time to start what is needed beside it. */
  readonly onCoordinatorStarted?: () => void;
  /** Called when all is started and only has to be waited for: now is the time for work that takes a while. */
  readonly meanwhile?: () => void;
}

const SERVER_READY_MS = 30_000;

/** Resolves with our end of the new guard's FIFO when the server takes connections and its URL is in its file. */
export async function startCluster(folder: StateFolder, start: ClusterStart): Promise<UserLine> {
  await clean(folder);
  const { line, guardEnd } = await UserLine.openBoth(folder.fifo);
  try {
    await spawnGuard(folder, guardEnd, start);
  } catch (error) {
    line.close();
    throw error;
  } finally {
    closeSync(guardEnd);
  }
  start.onCoordinatorStarted?.();
  try {
    const [server, prepared] = await Promise.all([
      findServer(start.environment ?? process.env),
      ServerFolder.prepare(folder.path),
    ]);
    line.say(`serve ${server.path}`);
    start.meanwhile?.();
    const url = await prepared.untilReady(() => serverProblem(folder), SERVER_READY_MS);
    await writeServerFile(folder.serverFile, url);
    return line;
  } catch (error) {
    line.close();
    throw error;
  }
}

/** Removes the traces of an earlier cluster; its processes first, if it did not end in order. */
async function clean(folder: StateFolder): Promise<void> {
  // Keepers of a killed guard must start nothing more while their programs are ended.
  await writeFile(folder.ending, "", { mode: 0o600 });
  const guardPid = Number(await readFile(folder.guardPid, "utf8").catch(() => "")); // ended in order
  if (guardPid > 0) await endSurvivors(folder.path, guardPid);
  await Promise.all(
    [folder.guardPid, folder.serverFile, folder.serverEnded, folder.ending, folder.users].map((path) =>
      rm(path, { force: true, recursive: true }),
    ),
  );
  await mkdir(folder.users, { mode: 0o700 });
  await writeFile(folder.coordinatorLog, "", { mode: 0o600 });
  await writeFile(folder.guardScript, guardScript, { mode: 0o600 });
}

async function spawnGuard(
  folder: StateFolder,
  guardEnd: number,
  { coordinatorCommand, environment = process.env }: ClusterStart,
): Promise<void> {
  const log: FileHandle = await open(folder.guardLog, "w", 0o600);
  try {
    // node:child_process, as execa takes longer to load than all of this to start. The guard's output goes to a file,
    // never to a pipe of ours: `$(millrace …)` would wait for it.
    const guard = spawn("/bin/sh", [folder.guardScript, ...coordinatorCommand], {
      cwd: folder.path,
      detached: true,
      env: {
        ...environment,
        [CLUSTER_VARIABLE]: folder.path,
        // Not one that somebody has named.
        MILLRACE_SERVER: "",
        [SERVER_FILE_VARIABLE]: folder.serverFile,
      },
      stdio: ["ignore", log.fd, log.fd, guardEnd],
    });
    await once(guard, "spawn");
    guard.unref();
  } finally {
    await log.close();
  }
}

function serverProblem(folder: StateFolder): string | undefined {
  if (!existsSync(folder.serverEnded)) return undefined;
  const status = readFileSync(folder.serverEnded, "utf8").trim();
  // The guard's shell makes the file, then writes it.
  return status === "" ? undefined : `it ended with status ${status}`;
}
