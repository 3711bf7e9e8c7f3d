/** The file that says where the server of a local cluster is: there from when it takes connections to the cluster's end. */
import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { writePrivate } from "../../../shared/bus/embedded/server-folder.ts";

/** Environment variable that names the file to the cluster's coordinator, which is started before the server is up. */
export const SERVER_FILE_VARIABLE = "MILLRACE_SERVER_FILE";

const POLL_MS = 2;
const contentSchema = z.object({ url: z.string() });

export async function writeServerFile(path: string, url: string): Promise<void> {
  await writePrivate(path, `${JSON.stringify({ url })}\n`);
}

/** The server's URL; nothing when the file is not there yet, or no more. */
export async function servedUrl(path: string): Promise<string | undefined> {
  const text = await readFile(path, "utf8").catch(() => undefined);
  return text === undefined ? undefined : contentSchema.parse(JSON.parse(text)).url;
}

/** The URL as soon as there is one; nothing when the signal comes before it. */
export async function untilServed(path: string, signal: AbortSignal): Promise<string | undefined> {
  while (!signal.aborted) {
    const url = await servedUrl(path);
    if (url !== undefined) return url;
    await sleep(POLL_MS);
  }
  return undefined;
}
