/** All that can be known of a run that has ended, gathered from journal, events, views, logs and artifacts. */
import { createHash } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type RunRecord, runRecordsSchema } from "../../coordinator/core/record.ts";
import { openJournal } from "../../coordinator/journal/jetstream-journal.ts";
import { MessageCodec } from "../../shared/actor/message-codec.ts";
import type { Bus } from "../../shared/bus/connection.ts";
import type { Client, JobView, RunEvent, RunStatus } from "../../shared/client/index.ts";

/** A record of the journal with the term of the leader that wrote it. */
export interface JournalRecord {
  readonly epoch: number;
  readonly record: RunRecord;
}

export interface RunAccount {
  readonly run: string;
  readonly status: RunStatus;
  readonly jobs: readonly JobView[];
  readonly records: readonly JournalRecord[];
  /** As they are stored. */
  readonly events: readonly RunEvent[];
  /** By job: SHA-256 of the log of its last attempt, and what is missing of it. */
  readonly logs: ReadonlyMap<string, string>;
  /** Artifacts that could not be fetched whole, and why. */
  readonly unreadable: readonly string[];
}

/** Reads it all; every artifact is fetched and verified. */
export async function takeAccount(client: Client, bus: Bus, run: string): Promise<RunAccount> {
  const { status } = await client.run(run);
  const jobs: JobView[] = [];
  for await (const job of client.jobs(run)) jobs.push(job);
  const events: RunEvent[] = [];
  for await (const event of client.events({ run })) events.push(event);
  const logs = new Map<string, string>();
  const unreadable: string[] = [];
  const look = async ({ job, attempts, artifact }: JobView): Promise<void> => {
    const last = attempts.at(-1);
    if (last !== undefined) logs.set(job, await readLog(client, run, job, last.attempt, last.logBytes));
    if (artifact !== null) unreadable.push(...(await fetchProblems(client, artifact.digest, job)));
  };
  await Promise.all(jobs.map(look));
  return { run, status, jobs, records: await readRecords(bus, run), events, logs, unreadable };
}

async function readRecords(bus: Bus, run: string): Promise<JournalRecord[]> {
  const { journal, close } = openJournal(bus);
  const codec = new MessageCodec();
  const records: JournalRecord[] = [];
  try {
    for await (const { epoch, payload } of journal.read(run)) {
      const batch = runRecordsSchema.parse(codec.decode(payload));
      records.push(...batch.map((record) => ({ epoch, record })));
    }
  } finally {
    close();
  }
  return records;
}

async function readLog(
  client: Client,
  run: string,
  job: string,
  attempt: number,
  expectedBytes: number | null,
): Promise<string> {
  const hash = createHash("sha256");
  let read = 0;
  let lost = 0;
  for await (const record of client.logs(run, job, { attempt })) {
    if (record.kind === "lost") lost += record.bytes;
    if (record.kind !== "bytes") continue;
    hash.update(record.bytes);
    read += record.bytes.length;
  }
  const isWhole = lost === 0 && read === expectedBytes;
  return isWhole ? hash.digest("hex") : `${read} bytes of ${expectedBytes}, ${lost} said to be lost`;
}

async function fetchProblems(client: Client, digest: string, job: string): Promise<string[]> {
  const folder = await mkdtemp(join(tmpdir(), "millrace-chaos-fetch-"));
  try {
    await client.downloadArtifact({ digest }, folder);
    return [];
  } catch (error) {
    return [`${job}: ${String(error)}`];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
