/** One agent per work folder: a second one would end the first one's jobs as leftovers. */
import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { holderOf, type Release, tryLock } from "../../shared/host/process-lock.ts";
import { MillraceError } from "../../shared/model/error.ts";

/** Takes the lock file, also from an agent that is gone; throws `conflict` while its holder lives. Makes its folder. */
export async function takeLock(path: string): Promise<Release> {
  const unlock = await tryInFolder(path);
  if (unlock !== undefined) return unlock;
  const pid = await holderOf(path);
  if (pid !== undefined) {
    throw new MillraceError("conflict", `another agent (pid ${pid}) works in the folder of ${path}`, {
      fix: "Give this one a --name or a --work-dir of its own.",
    });
  }
  throw new MillraceError("conflict", `several agents are starting in the folder of ${path}`, {
    fix: "Start one of them again, or give each a --name or a --work-dir of its own.",
  });
}

/** An agent that ends removes the folder when it is empty, which may be at any moment until the lock is in it. */
async function tryInFolder(path: string): Promise<Release | undefined> {
  for (;;) {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    try {
      return await tryLock(path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
  }
}
