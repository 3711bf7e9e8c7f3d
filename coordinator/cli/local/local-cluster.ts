/**
 * The local cluster that every command without `--server` uses: one nats-server and one coordinator for each state
 * folder, started by the first command, shared by all, ended when the last one is gone.
 *
 * A command is a *user* while it holds the guard's FIFO open and the guard has answered it (see guard-script.ts).
 *
 *   no reader on the FIFO ── start lock ──▶ starting ──▶ using
 *   a reader ── `user <id>` answered, server file there ──▶ using
 *            ── no reader any more, or its starter died ──▶ from the start again
 *
 * Safe:
 * 1. One guard at a time: it is started under the start lock, and only when the FIFO has no reader; the guard has
 *    its end from birth and keeps it until its children have ended.
 * 2. A user is never left behind: an answer proves that the guard read its line, so it had not seen the end of the
 *    file, and it cannot see it before this user's end is closed. That the FIFO can be opened proves nothing, as the
 *    guard may be ending.
 * 3. What a killed guard left running is ended before the next one starts, so no two servers share the data.
 * 4. The URL with its password is in two files, closed to others; in no argument.
 * Live: the kernel closes a dead user's end; a lock of a dead process is void; the guard kills what does not end in
 * its grace. So the cluster ends within 5 s of its last user, and nobody waits for a starter that died.
 */
import { randomBytes } from "node:crypto";
import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { isRunning, ownIdentity } from "../../../shared/host/process-identity.ts";
import { holderOf, tryLock } from "../../../shared/host/process-lock.ts";
import { MillraceError } from "../../../shared/model/error.ts";
import { type ClusterStart, startCluster } from "./cluster-start.ts";
import { servedUrl } from "./server-file.ts";
import { StateFolder } from "./state-folder.ts";
import { UserLine } from "./user-line.ts";

export interface LocalClusterOptions extends ClusterStart {
  readonly stateDir: string;
}

export interface LocalCluster {
  /** With credentials; not for a command line. */
  readonly url: string;
  /** Lets go of the cluster, and waits for its end if nobody else uses it. */
  release(): Promise<void>;
}

const POLL_MS = 2;
const LOCK_POLL_MS = 5;
const ACQUIRE_LIMIT_MS = 60_000;
const RELEASE_LIMIT_MS = 6_000;

/** Joins the local cluster, or starts it; resolves when its server takes connections. */
export async function acquireLocalCluster(options: LocalClusterOptions): Promise<LocalCluster> {
  const folder = await StateFolder.open(options.stateDir);
  const user = `${await ownIdentity()}.${randomBytes(6).toString("hex")}`;
  const deadline = performance.now() + ACQUIRE_LIMIT_MS;
  while (performance.now() < deadline) {
    const line = UserLine.open(folder.fifo) ?? (await startedBy(folder, options));
    const url = line === undefined ? undefined : await enrol(folder, line, user, deadline);
    if (line === undefined) await sleep(LOCK_POLL_MS);
    else if (url === undefined) line.close();
    else return { url, release: () => release(folder, line, user) };
  }
  throw new MillraceError("unavailable", "the local cluster could neither be joined nor started", {
    fix: `See the logs in ${folder.path}, and whether another millrace hangs there.`,
  });
}

/** Starts the cluster unless somebody else does or did. */
async function startedBy(folder: StateFolder, options: ClusterStart): Promise<UserLine | undefined> {
  const unlock = await tryLock(folder.lock);
  if (unlock === undefined) return undefined;
  try {
    return UserLine.hasReader(folder.fifo) ? undefined : await startCluster(folder, options);
  } finally {
    await unlock();
  }
}

/** Becomes a user and resolves with the URL; with nothing when this guard will not serve any more. */
async function enrol(
  folder: StateFolder,
  line: UserLine,
  user: string,
  deadline: number,
): Promise<string | undefined> {
  if (!line.say(`user ${user}`)) return undefined;
  const answer = join(folder.users, user);
  while (performance.now() < deadline) {
    if (!UserLine.hasReader(folder.fifo)) return undefined;
    if (await isThere(answer)) {
      const url = await servedUrl(folder.serverFile);
      if (url !== undefined) return url;
      // The file is written before the lock is released: with neither, the starter died on the way.
      if ((await holderOf(folder.lock)) === undefined && (await servedUrl(folder.serverFile)) === undefined) {
        await rm(answer, { force: true });
        return undefined;
      }
    }
    await sleep(POLL_MS);
  }
  return undefined;
}

async function release(folder: StateFolder, line: UserLine, user: string): Promise<void> {
  await rm(join(folder.users, user), { force: true });
  line.close();
  const deadline = performance.now() + RELEASE_LIMIT_MS;
  while (performance.now() < deadline) {
    if (!UserLine.hasReader(folder.fifo) || (await hasUsers(folder))) return;
    await sleep(POLL_MS);
  }
}

async function hasUsers(folder: StateFolder): Promise<boolean> {
  const users = await readdir(folder.users).catch(() => []); // a fresh start is replacing the folder
  const running = await Promise.all(users.map((user) => isRunning(user.slice(0, user.lastIndexOf(".")))));
  return running.includes(true);
}

function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
