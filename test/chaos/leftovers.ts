/** What a cluster must not leave behind: processes, folders, containers. */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { label } from "../../agent/runners/container-arguments.ts";

/** A process that still lives. */
export interface Leftover {
  readonly pid: number;
  readonly command: string;
}

/** Living processes that know the stage's folder, by environment, arguments or working directory; not ourselves. */
export function processesAbout(folder: string): Leftover[] {
  return processes((pid) => mentions(pid, folder));
}

/** Living processes of jobs below the folder. */
export function jobProcesses(folder: string): Leftover[] {
  return processes((pid) => mentions(pid, folder) && read(pid, "environ").includes("MILLRACE_ATTEMPT="));
}

function processes(isWanted: (pid: string) => boolean): Leftover[] {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid);
  return pids.filter(isWanted).map((pid) => ({
    pid: Number(pid),
    command: read(pid, "cmdline").replaceAll("\0", " ").trim(),
  }));
}

function mentions(pid: string, folder: string): boolean {
  return [read(pid, "environ"), read(pid, "cmdline"), workingDirectory(pid)].some((text) =>
    text.includes(folder),
  );
}

/** Kills them: jobs outlive their agents. */
export function endProcessesAbout(folder: string): void {
  for (const { pid } of processesAbout(folder)) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It has ended meanwhile.
    }
  }
}

/** Folders of attempts that an agent has, empty ones for the next attempts too. */
export function attemptFolders(workFolder: string): string[] {
  const attempts = join(workFolder, "attempts");
  return existsSync(attempts) ? readdirSync(attempts).map((name) => join(attempts, name)) : [];
}

/** Those in which there is something of an attempt. */
export function usedAttemptFolders(workFolder: string): string[] {
  return attemptFolders(workFolder).filter(
    (folder) => readdirSync(folder, { recursive: true }).join() !== "work",
  );
}

/** Control folders on the RAM file system that belong below the folder. */
export function controlFolders(folder: string): string[] {
  const shared = `/dev/shm/millrace-${process.getuid?.()}`;
  if (!existsSync(shared)) return [];
  return readdirSync(shared)
    .map((name) => join(shared, name))
    .filter((root) => ownerOf(root).startsWith(folder));
}

/** Containers of a run, running or not. */
export function containersOf(host: string, runs: readonly string[]): string[] {
  const call = spawnSync("docker", ["ps", "--all", "--format", `{{.Names}} {{.Label "${label.run}"}}`], {
    env: { ...process.env, DOCKER_HOST: host },
    encoding: "utf8",
  });
  return call.stdout.split("\n").filter((line) => runs.some((run) => line.endsWith(` ${run}`)));
}

function read(pid: string, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8");
  } catch {
    // It has ended, or is another user's.
    return "";
  }
}

function workingDirectory(pid: string): string {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    // It has ended, or is another user's.
    return "";
  }
}

function ownerOf(root: string): string {
  try {
    return readFileSync(join(root, "work-folder"), "utf8");
  } catch {
    // Just being removed.
    return "";
  }
}
