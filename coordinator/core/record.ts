/**
 * What the journal holds of a run: facts and decisions, in order. A run's state is the fold of its records
 * (`run-fold.ts`), so a record says everything the fold needs: times, random choices and reasons included.
 * Journals outlive versions: fields are added with a default, never renamed, and no type is reused.
 */
import { z } from "zod";
import { runOptionsSchema } from "../../shared/model/api.ts";
import { jobCountsSchema, runStatusSchema } from "../../shared/model/event.ts";
import { digestSchema, graphSpecSchema } from "../../shared/model/job-spec.ts";
import { attemptResultSchema, outcomeSchema } from "../../shared/model/outcome.ts";

/** Wall clock of the leader in milliseconds. */
const at = z.number();
const job = z.number().int().min(0);
const attempt = z.number().int().min(1);

export const runRecordSchema = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("submitted"),
    at,
    name: z.string().nullable(),
    graph: z.union([z.object({ inline: graphSpecSchema }), z.object({ digest: digestSchema })]),
    jobs: z.number().int(),
    options: runOptionsSchema,
  }),
  /** A new leader took the run over; what it appends carries its epoch. */
  z.object({ type: z.literal("claimed"), at }),
  z.object({
    type: z.literal("assigned"),
    at,
    job,
    attempt,
    agent: z.string(),
    incarnation: z.string(),
    lease: z.string(),
  }),
  z.object({ type: z.literal("started"), at, job, attempt }),
  /** The attempt did not run, or was ended to hold the job: it counts for nothing. */
  z.object({ type: z.literal("returned"), at, job, attempt, reason: z.string() }),
  z.object({
    type: z.literal("finished"),
    at,
    job,
    attempt,
    result: attemptResultSchema,
    /** Decided with the record, as it holds chance: the job is tried again after this delay, or not (null). */
    retryDelayMs: z.number().nullable(),
  }),
  /** It fails without an attempt: nobody can run it, or it waited too long for a slot. */
  z.object({ type: z.literal("failedUnassigned"), at, job, outcome: outcomeSchema }),
  /** No registered agent could ever run it; it goes on waiting. */
  z.object({ type: z.literal("stranded"), at, job, reason: z.string() }),
  z.object({
    type: z.literal("cancelRequested"),
    at,
    /** Null for the whole run. */
    job: job.nullable(),
    by: z.string(),
    reason: z.string(),
    /** Fail-fast is a failure of the run, a request is a cancellation. */
    cause: z.enum(["request", "failFast"]),
  }),
  z.object({ type: z.literal("prioritised"), at, job: job.nullable(), priority: z.number().int() }),
  /** The run's actors failed beyond their restart window: it ends as `infrastructure`. */
  z.object({ type: z.literal("aborted"), at, reason: z.string() }),
  /** Always the last record of a run, so that the last entry alone can be listed. */
  z.object({
    type: z.literal("ended"),
    at,
    status: runStatusSchema,
    summary: z.object({
      name: z.string().nullable(),
      jobs: z.number().int(),
      counts: jobCountsSchema,
      submittedAt: z.number(),
      priority: z.number().int(),
      submitter: z.string(),
      reason: z.string().nullable(),
    }),
  }),
]);
export type RunRecord = z.infer<typeof runRecordSchema>;
export type RecordOf<T extends RunRecord["type"]> = Extract<RunRecord, { type: T }>;

export const runRecordsSchema = z.array(runRecordSchema);
