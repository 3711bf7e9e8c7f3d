/**
 * Where the agents of one command have their workspaces and logs: a folder named by the command's process, so that
 * what a killed command left can be told from what is in use. Workspaces that were to be kept are never removed.
 *
 *     <state>/agents/<process identity>/<agent>.log
 *     <state>/agents/<process identity>/<agent>/kept/<run>/<job>-<attempt>/
 */
import { mkdir, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { identityOf, isRunning } from "../../shared/host/process-identity.ts";

/** Agents of a killed command need a while to end; only then is what they leave abandoned. */
const ABANDONED_AFTER_MS = 60_000;

export class AgentsFolder {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  /** Makes the folder of this process, and removes those of commands that were killed. */
  static async claim(parent: string): Promise<AgentsFolder> {
    await mkdir(parent, { recursive: true, mode: 0o700 });
    for (const name of await readdir(parent)) {
      if (await isAbandoned(join(parent, name), name)) await removeUnlessKept(join(parent, name));
    }
    const identity = (await identityOf(process.pid)) ?? String(process.pid);
    const path = join(parent, identity);
    await mkdir(path, { recursive: true, mode: 0o700 });
    return new AgentsFolder(path);
  }

  /** Removes the folder but for kept workspaces, and resolves with where these are. */
  release(): Promise<string[]> {
    return removeUnlessKept(this.path);
  }
}

async function isAbandoned(path: string, identity: string): Promise<boolean> {
  if (await isRunning(identity)) return false;
  const { mtimeMs } = await stat(path);
  return Date.now() - mtimeMs > ABANDONED_AFTER_MS;
}

async function removeUnlessKept(folder: string): Promise<string[]> {
  const kept: string[] = [];
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    const workspaces = entry.isDirectory() ? await keptIn(path) : [];
    if (workspaces.length === 0) await rm(path, { recursive: true, force: true });
    else {
      const others = (await readdir(path)).filter((name) => name !== "kept");
      for (const name of others) await rm(join(path, name), { recursive: true, force: true });
      kept.push(...workspaces);
    }
  }
  if (kept.length === 0) await rm(folder, { recursive: true, force: true });
  return kept;
}

async function keptIn(workFolder: string): Promise<string[]> {
  const root = join(workFolder, "kept");
  const runs = await readdir(root).catch(() => []); // nothing was kept
  const folders = await Promise.all(
    runs.map(async (run) => (await readdir(join(root, run))).map((name) => join(root, run, name))),
  );
  return folders.flat();
}
