/** One agent per work folder: a second one would end the first one's jobs as leftovers. */
import { readFileSync, unlinkSync, writeFileSync } from "node:fs";
import { MillraceError } from "../../shared/model/error.ts";
import { bootId, identify } from "../runners/process-census.ts";

/** Takes the lock file, also from an agent that is gone; throws `conflict` while its owner lives. */
export async function takeLock(path: string): Promise<void> {
  const boot = await bootId();
  const mine = `${process.pid} ${identify(process.pid)?.startTicks ?? 0} ${boot}\n`;
  for (let round = 0; round < 2; round += 1) {
    try {
      writeFileSync(path, mine, { flag: "wx", mode: 0o600 });
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
    const owner = readFileSync(path, "utf8");
    const [pid, startTicks, itsBoot] = owner.trim().split(" ");
    if (itsBoot === boot && identify(Number(pid))?.startTicks === Number(startTicks)) {
      throw new MillraceError("conflict", `another agent (pid ${pid}) works in the folder of ${path}`, {
        fix: "Give this one a --name or a --work-dir of its own.",
      });
    }
    unlinkSync(path);
  }
  throw new MillraceError("conflict", `several agents are starting in the folder of ${path}`);
}

export function releaseLock(path: string): void {
  unlinkSync(path);
}
