/**
 * What a successor must know of an attempt to end it right: written beside its control files before it starts, read
 * only by an agent that comes back.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { jobSpecSchema } from "../../shared/model/job-spec.ts";
import { attemptRefSchema, type JobRequest } from "../../shared/model/messages.ts";
import { nameSchema } from "../../shared/model/name.ts";

const attemptRecordSchema = attemptRefSchema.extend({
  /** The job's name. */
  name: nameSchema,
  image: z.string().nullable(),
  outputs: z.array(z.string()),
  cpu: z.number().nullable(),
  memoryBytes: z.number().nullable(),
  timeouts: jobSpecSchema.shape.timeouts,
  /** Of the system it was started under: after a reboot nothing of it runs. */
  boot: z.string(),
});
export type AttemptRecord = z.infer<typeof attemptRecordSchema>;

/** The record of a request. */
export function recordOf(request: JobRequest, boot: string): AttemptRecord {
  const { run, job, attempt, lease, spec } = request;
  return {
    run,
    job,
    attempt,
    lease,
    name: spec.name,
    image: spec.image ?? null,
    outputs: spec.outputs,
    cpu: spec.resources.cpu ?? null,
    memoryBytes: spec.resources.memoryBytes ?? null,
    timeouts: spec.timeouts,
    boot,
  };
}

export function writeRecord(control: string, record: AttemptRecord): void {
  writeFileSync(recordPath(control), JSON.stringify(record), { mode: 0o600 });
}

/** Reads a record; `undefined` when there is none, or none that is whole: then nothing was started. */
export function readRecord(control: string): AttemptRecord | undefined {
  try {
    return attemptRecordSchema.parse(JSON.parse(readFileSync(recordPath(control), "utf8")));
  } catch {
    // Absent or cut short: the agent ended before the attempt began.
    return undefined;
  }
}

export function recordPath(control: string): string {
  return join(control, "attempt.json");
}
