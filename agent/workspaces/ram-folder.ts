/**
 * The user's folder on the RAM file system that all may write to, `/dev/shm`, for an agent that may rely on it.
 *
 * systemd-logind clears it of what belongs to a user when his last session has ended (`RemoveIPC`, on by default), and
 * does not ask who uses it: an agent that a system unit runs as a normal user would lose its records whenever that user
 * logs in and out. System users are spared, users who linger never end, and a session lasts as long as a process of it.
 */
import { existsSync, lstatSync, mkdirSync, readFileSync } from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";

const RAM_ROOT = "/dev/shm";
const LOGIND = "/run/systemd/sessions";
const LINGERING = "/var/lib/systemd/linger";
/** As systemd has it; a distribution may choose another. */
const LAST_SYSTEM_UID = 999;

/** What decides whether a user's files on the RAM file system are cleared while an agent runs. */
export interface Login {
  readonly uid: number;
  readonly hasLogind: boolean;
  readonly lingers: boolean;
  /** The agent belongs to a session of the user, or to his service manager. */
  readonly isInSession: boolean;
}

/** Whether they may be. */
export function mayBeCleared({ uid, hasLogind, lingers, isInSession }: Login): boolean {
  return uid > LAST_SYSTEM_UID && hasLogind && !lingers && !isInSession;
}

/** Undefined where there is no such file system, where it is cleared, or where somebody else has taken the name. */
export function ramFolder(): string | undefined {
  const uid = process.getuid?.();
  if (uid === undefined || !existsSync(RAM_ROOT) || mayBeCleared(loginOf(uid))) return undefined;
  const folder = ramFolderOf(uid);
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    return isOwn(folder, uid) ? folder : undefined;
  } catch {
    // Full or read-only: the disk will do.
    return undefined;
  }
}

/** The folder where it is there already, whatever may become of it. */
export function presentRamFolder(): string | undefined {
  const uid = process.getuid?.();
  if (uid === undefined || !existsSync(ramFolderOf(uid))) return undefined;
  return isOwn(ramFolderOf(uid), uid) ? ramFolderOf(uid) : undefined;
}

function ramFolderOf(uid: number): string {
  return join(RAM_ROOT, `millrace-${uid}`);
}

/** Anyone may write to the RAM file system, so a folder there that is not ours alone is not used. */
function isOwn(folder: string, uid: number): boolean {
  const found = lstatSync(folder);
  return found.isDirectory() && found.uid === uid && (found.mode & 0o077) === 0;
}

function loginOf(uid: number): Login {
  return {
    uid,
    hasLogind: existsSync(LOGIND),
    lingers: existsSync(join(LINGERING, userName())),
    isInSession: controlGroup().includes(`/user-${uid}.slice`),
  };
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    // A user without a name can't linger; no file there has this one.
    return "?";
  }
}

function controlGroup(): string {
  try {
    return readFileSync("/proc/self/cgroup", "utf8");
  } catch {
    // No /proc, no systemd.
    return "";
  }
}
