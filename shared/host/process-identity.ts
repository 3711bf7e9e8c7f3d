/**
 * Which process it was: the pid alone is given to others later, so its start time and the machine's boot go with it.
 * A process that has ended and waits to be reaped counts as gone.
 */
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { MillraceError } from "../model/error.ts";

/** The identity of a living process as one word; nothing when it is gone. */
export async function identityOf(pid: number): Promise<string | undefined> {
  const started = process.platform === "linux" ? await startOnLinux(pid) : await startByPs(pid);
  return started === undefined ? undefined : `${pid}-${started}`;
}

/** This process's own. */
export async function ownIdentity(): Promise<string> {
  const identity = await identityOf(process.pid);
  if (identity !== undefined) return identity;
  throw new MillraceError("unsupported", "this system does not tell when a process has started", {
    fix: "Mount /proc, or use a running cluster with --server.",
  });
}

/** Whether the process with this identity still runs. */
export async function isRunning(identity: string): Promise<boolean> {
  const pid = Number.parseInt(identity, 10);
  return pid > 0 && (await identityOf(pid)) === identity;
}

/** Whether the process with this identity has surely ended; of one on another host, or before a reboot, nobody can tell. */
export async function hasEnded(identity: string): Promise<boolean> {
  const own = await identityOf(process.pid);
  const boot = bootOf(identity);
  return boot !== undefined && own !== undefined && boot === bootOf(own) && !(await isRunning(identity));
}

function bootOf(identity: string): string | undefined {
  return /^\d+-\d+-([0-9a-f]{8})$/.exec(identity)?.[1];
}

async function startOnLinux(pid: number): Promise<string | undefined> {
  try {
    const [stat, boot] = await Promise.all([
      readFile(`/proc/${pid}/stat`, "utf8"),
      readFile("/proc/sys/kernel/random/boot_id", "utf8"),
    ]);
    // The command, in brackets, may itself hold brackets and spaces.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const [state, startTicks] = [fields[0], fields[19]];
    return state === "Z" || state === "X" ? undefined : `${startTicks}-${boot.slice(0, 8)}`;
  } catch {
    return undefined; // no such process
  }
}

async function startByPs(pid: number): Promise<string | undefined> {
  try {
    const { stdout } = await promisify(execFile)("ps", ["-o", "stat=,lstart=", "-p", String(pid)]);
    const [state = "Z", ...started] = stdout.trim().split(/\s+/);
    return state.startsWith("Z") ? undefined : started.join("_").replaceAll(":", "");
  } catch {
    return undefined; // no such process
  }
}
