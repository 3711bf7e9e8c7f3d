/**
 * One agent per work folder: a second one would end the first one's jobs as leftovers. The lock file names its holder,
 * and is void when that process is gone.
 *
 * Safe: 1. The file appears whole: it is written aside and linked to its name, which fails when the name is taken.
 * 2. Only its living holder removes it, or whoever holds the lock *on breaking that very lock*: its name has the token
 * of the first, so nobody who has judged a void lock can remove the one that took its place.
 * Live: nobody waits; a holder or breaker that dies leaves a void lock, and the next one takes that, at any depth.
 */
import { randomBytes } from "node:crypto";
import { linkSync, mkdirSync, readFileSync, rmSync, unlinkSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { MillraceError } from "../../shared/model/error.ts";
import { bootId, identify } from "../runners/process-census.ts";

interface Holder {
  readonly pid: number;
  readonly isAlive: boolean;
  /** Of this taking; version 0.1 wrote none. */
  readonly token: string;
}

/** Takes the lock file, also from an agent that is gone; throws `conflict` while its holder lives. Makes its folder. */
export async function takeLock(path: string): Promise<void> {
  const boot = await bootId();
  // Just before: an agent that ends removes the folder when it is empty.
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  if (tryLock(path, boot)) return;
  const holder = holderOf(path, boot);
  if (holder?.isAlive) {
    throw new MillraceError("conflict", `another agent (pid ${holder.pid}) works in the folder of ${path}`, {
      fix: "Give this one a --name or a --work-dir of its own.",
    });
  }
  throw new MillraceError("conflict", `several agents are starting in the folder of ${path}`, {
    fix: "Start one of them again, or give each a --name or a --work-dir of its own.",
  });
}

export function releaseLock(path: string): void {
  unlinkSync(path);
}

function tryLock(path: string, boot: string): boolean {
  if (create(path, boot)) return true;
  const holder = holderOf(path, boot);
  if (holder?.isAlive) return false;
  return holder === undefined || breakLock(path, holder, boot) ? create(path, boot) : false;
}

/** Removes a void lock unless it is gone already; false while somebody else is about to. */
function breakLock(path: string, { token }: Holder, boot: string): boolean {
  const breaking = `${path}.${token}`;
  if (!tryLock(breaking, boot)) return false;
  try {
    if (holderOf(path, boot)?.token === token) rmSync(path, { force: true });
    return true;
  } finally {
    releaseLock(breaking);
  }
}

function create(path: string, boot: string): boolean {
  const token = randomBytes(8).toString("hex");
  const draft = `${path}.draft-${token}`;
  const { pid } = process;
  writeFileSync(draft, `${pid} ${identify(pid)?.startTicks ?? 0} ${boot} ${token}\n`, { mode: 0o600 });
  try {
    linkSync(draft, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  } finally {
    unlinkSync(draft);
  }
}

function holderOf(path: string, boot: string): Holder | undefined {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  const [pid = "", startTicks = "", itsBoot = "", token] = text.trim().split(" ");
  const isAlive = itsBoot === boot && identify(Number(pid))?.startTicks === Number(startTicks);
  return { pid: Number(pid), isAlive, token: token ?? `${pid}-${startTicks}` };
}
