/**
 * Events for tooling: each state change of a run, a job or an agent, as JSON. They are a projection of the journal,
 * made after the record that causes them is stored. A run's events are numbered 1, 2, 3 … without gap (`seq`).
 * Fields are added, never renamed; a reader ignores what it does not know.
 */
import { z } from "zod";
import { digestSchema } from "./job-spec.ts";
import { agentModeSchema } from "./messages.ts";
import { identifierSchema, nameSchema } from "./name.ts";
import { artifactSchema, evidenceFields, outcomeSchema, progressSchema } from "./outcome.ts";

export const runStatusSchema = z.enum([
  "running",
  "cancelling",
  "succeeded",
  "failed",
  "cancelled",
  "infrastructure",
]);
export type RunStatus = z.infer<typeof runStatusSchema>;

export const jobPhaseSchema = z.enum([
  "waiting",
  "ready",
  "assigned",
  "running",
  "succeeded",
  "failed",
  "blocked",
  "skipped",
  "cancelled",
]);
export type JobPhase = z.infer<typeof jobPhaseSchema>;

/** How many jobs of a run are in each phase. */
export const jobCountsSchema = z.record(jobPhaseSchema, z.number().int().min(0));
export type JobCounts = z.infer<typeof jobCountsSchema>;

/** Who made a result: its log is there. */
export const executedSchema = z.object({
  run: identifierSchema,
  job: nameSchema,
  attempt: z.number().int().positive(),
  agent: nameSchema,
});
export type Executed = z.infer<typeof executedSchema>;

const runFields = {
  v: z.literal(1),
  seq: z.number().int().positive(),
  run: identifierSchema,
  /** Coordinator's time of the change, ISO 8601 in UTC. */
  at: z.iso.datetime(),
};
const jobFields = { ...runFields, job: nameSchema };
const attemptFields = { ...jobFields, attempt: z.number().int().positive(), agent: nameSchema };
const measured = {
  wallMs: z.number().nullable(),
  cpuMs: z.number().nullable(),
  peakMemoryBytes: z.number().nullable(),
  logBytes: z.number(),
};

const carried = {
  /** In a retry: it was not run again, it ended so in this earlier run; attempt, agent and log are of that one. */
  carriedFrom: identifierSchema.optional(),
};

export const runEventSchema = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("run.submitted"),
    ...runFields,
    name: z.string().nullable(),
    jobs: z.number().int(),
    priority: z.number().int(),
    /** The run that this one retries. */
    retryOf: identifierSchema.optional(),
  }),
  z.object({ type: z.literal("run.cancelling"), ...runFields, by: z.string(), reason: z.string() }),
  z.object({ type: z.literal("run.priority"), ...runFields, priority: z.number().int() }),
  z.object({
    type: z.literal("run.finished"),
    ...runFields,
    status: runStatusSchema,
    counts: jobCountsSchema,
    /** How many of the jobs that succeeded were reused; absent in version 0.1. */
    reused: z.number().int().optional(),
    wallMs: z.number(),
    /** Why, where the jobs do not say it: the cause of `infrastructure`. */
    reason: z.string().nullable(),
  }),
  z.object({ type: z.literal("job.ready"), ...jobFields }),
  /** It has succeeded without being run: an equal job has made its result. */
  z.object({
    type: z.literal("job.reused"),
    ...jobFields,
    /** Equal jobs have equal keys. */
    key: digestSchema,
    from: executedSchema,
    /** What it needs was made anew, and came out the same. */
    cutoff: z.boolean(),
    artifact: artifactSchema.nullable(),
  }),
  /** It waits for the result of an equal job that runs. */
  z.object({
    type: z.literal("job.joined"),
    ...jobFields,
    key: digestSchema,
    with: z.object({ run: identifierSchema, job: nameSchema }),
  }),
  z.object({ type: z.literal("job.assigned"), ...attemptFields }),
  z.object({ type: z.literal("job.started"), ...attemptFields }),
  /** What the marks in its log say has changed; null: not said as yet. */
  z.object({ type: z.literal("job.progress"), ...attemptFields, ...progressSchema.shape }),
  /** Given back without having run; the job is ready again. */
  z.object({ type: z.literal("job.returned"), ...attemptFields, reason: z.string() }),
  /** The attempt failed and the job will be tried again, not before `delayMs`. */
  z.object({
    type: z.literal("job.retrying"),
    ...attemptFields,
    outcome: outcomeSchema,
    delayMs: z.number(),
    ...measured,
  }),
  z.object({
    type: z.literal("job.succeeded"),
    ...attemptFields,
    artifact: artifactSchema.nullable(),
    ...measured,
    /** Marks were to be read in its log, and none says that it succeeded. */
    implicit: evidenceFields.implicit,
    ...carried,
  }),
  z.object({
    type: z.literal("job.failed"),
    ...jobFields,
    /** Null when it failed without an attempt. */
    attempt: z.number().int().positive().nullable(),
    agent: nameSchema.nullable(),
    outcome: outcomeSchema,
    /** `allowFailure`: the run may still succeed and dependants go on. */
    allowed: z.boolean(),
    ...measured,
    ...carried,
  }),
  z.object({ type: z.literal("job.blocked"), ...jobFields, rootCause: nameSchema }),
  z.object({ type: z.literal("job.skipped"), ...jobFields, reason: z.string() }),
  /** It is being ended; `job.cancelled`, or its own end if that came first, follows. */
  z.object({ type: z.literal("job.cancelling"), ...attemptFields, reason: z.string() }),
  z.object({ type: z.literal("job.cancelled"), ...jobFields, reason: z.string() }),
  z.object({ type: z.literal("job.priority"), ...jobFields, priority: z.number().int() }),
  /** No agent that is registered could ever run it; it waits for one that can. */
  z.object({ type: z.literal("job.unschedulable"), ...jobFields, reason: z.string() }),
]);
export type RunEvent = z.infer<typeof runEventSchema>;
export type RunEventType = RunEvent["type"];

const agentFields = {
  v: z.literal(1),
  /** Unique in the namespace, and rising, over all leaders; not without gap. */
  seq: z.number().int().positive(),
  agent: nameSchema,
  at: z.iso.datetime(),
};

export const agentEventSchema = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("agent.joined"),
    ...agentFields,
    incarnation: z.string(),
    slots: z.number().int(),
    labels: z.array(z.tuple([z.string(), z.string()])),
  }),
  z.object({ type: z.literal("agent.mode"), ...agentFields, mode: agentModeSchema }),
  /** Heartbeats are missing; its jobs are kept. */
  z.object({ type: z.literal("agent.suspect"), ...agentFields, silentMs: z.number() }),
  z.object({ type: z.literal("agent.recovered"), ...agentFields }),
  /** Silent for too long; its jobs are given to others. */
  z.object({ type: z.literal("agent.lost"), ...agentFields, silentMs: z.number() }),
  z.object({ type: z.literal("agent.left"), ...agentFields, reason: z.string() }),
  /** Another process uses the agent's name, and is refused. */
  z.object({
    type: z.literal("agent.nameTaken"),
    ...agentFields,
    incarnation: z.string(),
    hostname: z.string(),
    pid: z.number().int(),
  }),
]);
export type AgentEvent = z.infer<typeof agentEventSchema>;

/** The dependency result on `dep.<run>.<job>`: what a job's dependants need to know of it. JSON. */
export const dependencyResultSchema = z.object({
  v: z.literal(1),
  run: identifierSchema,
  job: nameSchema,
  /** Index of the job in the run's graph. */
  index: z.number().int().min(0),
  status: z.enum(["succeeded", "failed", "blocked", "skipped", "cancelled"]),
  /** `allowFailure` turned a failure into something dependants may build on. */
  allowed: z.boolean(),
  artifact: artifactSchema.nullable(),
  /** The failed job that this result goes back to; the job itself when it is the one that failed. */
  rootCause: nameSchema.nullable(),
});
export type DependencyResult = z.infer<typeof dependencyResultSchema>;
