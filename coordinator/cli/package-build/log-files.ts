/** Writes the logs of a build where the configuration wants them, a file for each job. */
import { type FileHandle, mkdir, open } from "node:fs/promises";
import { join } from "node:path";
import type { Client } from "../../../shared/client/client.ts";
import { folderName } from "../../../shared/model/name.ts";
import type { PlannedJob } from "../../readers/packages/build-plan.ts";
import { inCrew } from "../../sources/crew.ts";

const CONCURRENT_LOGS = 4;

/** `<folder>/<name>-<version>-<image>-<run>.log`; of a reused job the log of the one that made its artifact. */
export async function writeLogs(
  client: Pick<Client, "logs">,
  run: string,
  jobs: readonly PlannedJob[],
  folder: string,
  stop: AbortSignal,
): Promise<void> {
  await mkdir(folder, { recursive: true });
  await inCrew(CONCURRENT_LOGS, jobs, async (job) => {
    stop.throwIfAborted();
    await writeLog(client, run, job.name, join(folder, logName(job, run)));
  });
}

function logName({ package: { name, version }, image }: PlannedJob, run: string): string {
  const parts = [name, version, ...(image === undefined ? [] : [image]), run];
  return `${folderName(parts.join("-"))}.log`;
}

/** A job that wrote nothing, as one that was blocked, has no file. */
async function writeLog(client: Pick<Client, "logs">, run: string, job: string, path: string): Promise<void> {
  let file: FileHandle | undefined;
  try {
    for await (const record of client.logs(run, job)) {
      if (record.kind !== "bytes") continue;
      file ??= await open(path, "w");
      await file.writeFile(record.bytes);
    }
  } finally {
    await file?.close();
  }
}
