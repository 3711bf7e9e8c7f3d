/**
 * What the journal holds of a run: facts and decisions, in order. A run's state is the fold of its records
 * (`run-fold.ts`), so a record says everything the fold needs: times, random choices and reasons included.
 * Journals outlive versions: fields are added with a default, never renamed, and no type is reused.
 */
import { z } from "zod";
import { runOptionsSchema } from "../../shared/model/api.ts";
import { executedSchema, jobCountsSchema, runStatusSchema } from "../../shared/model/event.ts";
import { digestSchema, graphSpecSchema } from "../../shared/model/job-spec.ts";
import { identifierSchema, nameSchema } from "../../shared/model/name.ts";
import {
  artifactSchema,
  attemptResultSchema,
  evidenceFields,
  outcomeSchema,
  progressSchema,
} from "../../shared/model/outcome.ts";

/** Wall clock of the leader in milliseconds. */
const at = z.number();
const job = z.number().int().min(0);
const attempt = z.number().int().min(1);

/** What the result of a job is remembered under; see `reuse-key.ts`. */
export const reuseKeysSchema = z.object({ key: digestSchema, deepKey: digestSchema });
export type ReuseKeys = z.infer<typeof reuseKeysSchema>;

/** A job that a retry has from the start, as it ended in an earlier run. */
export const carriedJobSchema = z.object({
  job,
  /** The run that executed it: its log is there. */
  run: identifierSchema,
  /** Its name there, where that is another one. */
  name: nameSchema.optional(),
  /** The attempt that decided, and where it ran; null where it failed without one. */
  attempt: attempt.nullable(),
  agent: z.string().nullable(),
  outcome: outcomeSchema,
  artifact: artifactSchema.nullable(),
  keys: reuseKeysSchema.optional(),
});
export type CarriedJob = z.infer<typeof carriedJobSchema>;

export const runRecordSchema = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("submitted"),
    at,
    name: z.string().nullable(),
    graph: z.union([z.object({ inline: graphSpecSchema }), z.object({ digest: digestSchema })]),
    jobs: z.number().int(),
    options: runOptionsSchema,
    /** The run that this one retries, and what it need not run again: the list, or the object `data/<digest>` with it. */
    retry: z
      .object({
        of: identifierSchema,
        carried: z.union([
          z.object({ inline: z.array(carriedJobSchema) }),
          z.object({ digest: digestSchema }),
        ]),
      })
      .optional(),
  }),
  /**
   * The clock behind `at` is another one from here on: a new leader took the run over (what it appends carries its
   * epoch), or the leader's clock was set. Deadlines that are open move by `shiftMs`.
   */
  z.object({
    type: z.literal("claimed"),
    at,
    shiftMs: z.number().default(0),
    /** The next event is numbered behind this one: the event log is ahead of what the journal still has. */
    eventSeq: z.number().int().positive().optional(),
  }),
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
  /** What the marks in its log say has changed. */
  z.object({ type: z.literal("progressed"), at, job, attempt, ...progressSchema.shape }),
  /** The attempt did not run, or was ended to hold the job: it counts for nothing. */
  z.object({ type: z.literal("returned"), at, job, attempt, reason: z.string() }),
  z.object({
    type: z.literal("finished"),
    at,
    job,
    attempt,
    result: attemptResultSchema,
    ...evidenceFields,
    /** Decided with the record, as it holds chance: the job is tried again after this delay, or not (null). */
    retryDelayMs: z.number().nullable(),
    /** What a success is remembered under, where it may be reused. */
    keys: reuseKeysSchema.optional(),
  }),
  /** The result of an equal job takes the place of running it. */
  z.object({
    type: z.literal("reused"),
    at,
    job,
    ...reuseKeysSchema.shape,
    /** What it needs was made anew, and came out the same. */
    isCutoff: z.boolean(),
    from: executedSchema,
    artifact: artifactSchema.nullable(),
  }),
  /** An equal job runs: it waits for that. */
  z.object({
    type: z.literal("joined"),
    at,
    job,
    key: digestSchema,
    with: z.object({ run: identifierSchema, job: nameSchema }),
  }),
  /** No result of an equal job is there: it runs. It holds these keys; null where nobody could say where it would run. */
  z.object({ type: z.literal("notReused"), at, job, keys: reuseKeysSchema.nullable(), reason: z.string() }),
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
    /** Appended once more with this when the run is given up: it is known no longer, and its traces go. */
    removed: z.boolean().optional(),
    summary: z.object({
      name: z.string().nullable(),
      jobs: z.number().int(),
      counts: jobCountsSchema,
      submittedAt: z.number(),
      priority: z.number().int(),
      submitter: z.string(),
      reason: z.string().nullable(),
      retryOf: z.string().nullable().default(null),
      /** How many of the jobs that succeeded were reused. */
      reused: z.number().int().default(0),
    }),
  }),
]);
export type RunRecord = z.infer<typeof runRecordSchema>;
export type RecordOf<T extends RunRecord["type"]> = Extract<RunRecord, { type: T }>;

export const runRecordsSchema = z.array(runRecordSchema);
