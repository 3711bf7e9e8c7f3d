/**
 * What a successor must know of an attempt to end it right: written beside its control files before it starts, read
 * only by an agent that comes back.
 */
import { join } from "node:path";
import { z } from "zod";
import { jobSpecSchema, layoutSchema, marksSchema } from "../../shared/model/job-spec.ts";
import { attemptRefSchema, type JobRequest } from "../../shared/model/messages.ts";
import { nameSchema } from "../../shared/model/name.ts";
import { endCauseSchema } from "../core/end-cause.ts";
import { readFile, replaceFile } from "../runners/whole-file.ts";

const attemptRecordSchema = attemptRefSchema.extend({
  /** The job's name. */
  name: nameSchema,
  image: z.string().nullable(),
  outputs: z.array(z.string()),
  /** Absent where it is `workspace`, as in what version 0.1 wrote. */
  layout: layoutSchema.exactOptional(),
  marks: marksSchema.exactOptional(),
  cpu: z.number().nullable(),
  memoryBytes: z.number().nullable(),
  timeouts: jobSpecSchema.shape.timeouts,
  /** Of the system it was started under: after a reboot nothing of it runs. */
  boot: z.string(),
  /** Age of that system when the command was launched; null before, absent in what version 0.1 wrote. */
  launchedMs: z.number().nullable().optional(),
  /** Name of its log among those of the work folder; absent in what version 0.1 wrote. */
  log: z.string().regex(/^\d+$/).optional(),
  /** Why the agent ends it: its outcome, also when another process of the agent reports it. */
  ended: endCauseSchema.optional(),
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
    ...(spec.layout === undefined ? {} : { layout: spec.layout }),
    ...(spec.marks === undefined ? {} : { marks: spec.marks }),
    cpu: spec.resources.cpu ?? null,
    memoryBytes: spec.resources.memoryBytes ?? null,
    timeouts: spec.timeouts,
    boot,
  };
}

/** What the first record of an attempt is written as: cut short it counts as none, as nothing has been started then. */
export function recordText(record: AttemptRecord): string {
  return JSON.stringify(record);
}

/** Replaces the record of an attempt that may run: at each moment the old one or the new one is there, whole. */
export function replaceRecord(control: string, record: AttemptRecord): void {
  replaceFile(recordPath(control), record);
}

/** Reads a record; `undefined` when there is none, or none that is whole: then nothing was started. */
export function readRecord(control: string): AttemptRecord | undefined {
  return readFile(recordPath(control), attemptRecordSchema);
}

export function recordPath(control: string): string {
  return join(control, "attempt.json");
}
