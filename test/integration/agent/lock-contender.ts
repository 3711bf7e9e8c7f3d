/**
 * A process that takes the lock of a work folder when it is told to: at the end of a line `take <time>` of its input it
 * waits for that time, so that several are as simultaneous as can be, and answers `held` or `refused`.
 */
import { createInterface } from "node:readline";
import { takeLock } from "../../../agent/workspaces/work-folder-lock.ts";

const path = process.argv[2] as string;
let unlock: (() => Promise<void>) | undefined;

async function take(atMs: number): Promise<string> {
  while (Date.now() < atMs);
  try {
    unlock = await takeLock(path);
    return "held";
  } catch (error) {
    return (error as { code?: string }).code === "conflict" ? "refused" : String(error);
  }
}

createInterface({ input: process.stdin })
  .on("line", async (line) => {
    const [verb, time] = line.split(" ");
    if (verb === "release") await unlock?.();
    process.stdout.write(`${verb === "take" ? await take(Number(time)) : "released"}\n`);
  })
  .on("close", () => process.exit());
process.stdout.write("ready\n");
