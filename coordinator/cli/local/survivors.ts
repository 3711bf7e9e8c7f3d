/**
 * Ends what a guard left running when it was itself killed. Every process of a local cluster carries the state folder
 * in its environment; where that cannot be read, the guard's process group is ended, whose number the system gives
 * to nobody else as long as one of it lives.
 */
import { readdir, readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { identityOf } from "../../../shared/host/process-identity.ts";
import { MillraceError } from "../../../shared/model/error.ts";

/** Environment variable that marks the processes of the cluster in the state folder that is its value. */
export const CLUSTER_VARIABLE = "MILLRACE_LOCAL_CLUSTER";

const POLL_MS = 5;
const GRACE_MS = 2_000;
const LIMIT_MS = 4_000;

/** Resolves when no process of the cluster is left; `guardPid` is that of the dead guard. */
export async function endSurvivors(folder: string, guardPid: number): Promise<void> {
  const start = performance.now();
  let asked = new Set<number>();
  for (;;) {
    const targets = process.platform === "linux" ? await marked(folder) : group(guardPid);
    if (targets.length === 0) return;
    const elapsedMs = performance.now() - start;
    if (elapsedMs > LIMIT_MS) {
      throw new MillraceError(
        "conflict",
        `processes of an earlier local cluster do not end: ${targets.join(", ")}`,
        {
          fix: "End them with `kill -9`, then try again.",
        },
      );
    }
    const isForced = elapsedMs > GRACE_MS;
    for (const target of targets) {
      if (isForced || !asked.has(target)) signal(target, isForced ? "SIGKILL" : "SIGTERM");
    }
    asked = new Set(targets);
    await sleep(POLL_MS);
  }
}

async function marked(folder: string): Promise<number[]> {
  const mark = `${CLUSTER_VARIABLE}=${folder}`;
  const pids = (await readdir("/proc")).map(Number).filter((pid) => pid > 0 && pid !== process.pid);
  const checked = await Promise.all(pids.map(async (pid) => ((await carries(pid, mark)) ? [pid] : [])));
  return checked.flat();
}

async function carries(pid: number, mark: string): Promise<boolean> {
  // Unreadable: another user's process, or one that has just ended.
  const environment = await readFile(`/proc/${pid}/environ`, "utf8").catch(() => "");
  return environment.split("\0").includes(mark) && (await identityOf(pid)) !== undefined;
}

function group(leader: number): number[] {
  return signal(-leader, 0) ? [-leader] : [];
}

/** False when there is nobody to signal. */
function signal(target: number, name: NodeJS.Signals | 0): boolean {
  try {
    process.kill(target, name);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return false;
    throw error;
  }
}
