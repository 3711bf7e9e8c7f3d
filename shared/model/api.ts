/**
 * The control API: JSON on request-reply, `millrace.<ns>.api.<verb>`, also a NATS service. A reply is
 * `{ok: true, result}` or `{ok: false, error: {code, message, fix?}}`. Listings are paged: `offset`, `limit`, and
 * `total` in the reply.
 */
import { z } from "zod";
import { jobCountsSchema, jobPhaseSchema, runStatusSchema } from "./event.ts";
import { digestSchema, graphSpecSchema, pairsSchema } from "./job-spec.ts";
import { agentModeSchema, capacitySchema } from "./messages.ts";
import { identifierSchema, nameSchema } from "./name.ts";
import { artifactSchema, outcomeSchema } from "./outcome.ts";

const page = {
  offset: z.number().int().min(0).default(0),
  limit: z.number().int().min(1).max(1000).default(200),
};

export const runOptionsSchema = z.object({
  keepGoing: z.boolean().default(true),
  priority: z.number().int().min(0).max(1000).default(500),
  /** Only agents of this pool run it; empty is the common pool. */
  pool: z.string().max(64).default(""),
  /** A job that no registered agent can run fails at once instead of waiting for one that can. */
  failUnschedulable: z.boolean().default(false),
  submitter: z.string().max(200).default(""),
});
export type RunOptions = z.output<typeof runOptionsSchema>;

const runRef = z.object({ run: identifierSchema });

export const attemptViewSchema = z.object({
  attempt: z.number().int(),
  agent: nameSchema,
  outcome: outcomeSchema.nullable(),
  startedAt: z.iso.datetime().nullable(),
  endedAt: z.iso.datetime().nullable(),
  /** Given back without running: why. */
  returned: z.string().nullable(),
  wallMs: z.number().nullable(),
  cpuMs: z.number().nullable(),
  peakMemoryBytes: z.number().nullable(),
  logBytes: z.number().nullable(),
});
export type AttemptView = z.infer<typeof attemptViewSchema>;

export const jobViewSchema = z.object({
  job: nameSchema,
  index: z.number().int(),
  phase: jobPhaseSchema,
  priority: z.number().int(),
  attempts: z.array(attemptViewSchema),
  artifact: artifactSchema.nullable(),
  rootCause: nameSchema.nullable(),
  /** Why it is in this phase, for people: the outcome, what blocks it, why it was skipped. */
  reason: z.string().nullable(),
});
export type JobView = z.infer<typeof jobViewSchema>;

export const runViewSchema = z.object({
  run: identifierSchema,
  name: z.string().nullable(),
  status: runStatusSchema,
  submittedAt: z.iso.datetime(),
  endedAt: z.iso.datetime().nullable(),
  priority: z.number().int(),
  submitter: z.string(),
  counts: jobCountsSchema,
  jobs: z.number().int(),
  reason: z.string().nullable(),
});
export type RunView = z.infer<typeof runViewSchema>;

export const agentViewSchema = z.object({
  agent: nameSchema,
  incarnation: z.string(),
  state: z.enum(["up", "suspect", "lost", "left"]),
  mode: agentModeSchema,
  capacity: capacitySchema,
  labels: pairsSchema,
  pool: z.string(),
  hostname: z.string(),
  pid: z.number().int(),
  version: z.string(),
  engine: z.string().nullable(),
  load1: z.number().nullable(),
  running: z.array(z.object({ run: identifierSchema, job: nameSchema, attempt: z.number().int() })),
  queued: z.number().int(),
  lastHeardMsAgo: z.number(),
});
export type AgentView = z.infer<typeof agentViewSchema>;

/** Why a job is where it is: one line per obstacle, and its place in the queue where it is queued. */
export const explanationSchema = z.object({
  run: identifierSchema,
  job: nameSchema,
  phase: jobPhaseSchema,
  reasons: z.array(z.object({ code: z.string(), message: z.string() })),
  queuePosition: z.number().int().nullable(),
  queueLength: z.number().int().nullable(),
});
export type Explanation = z.infer<typeof explanationSchema>;

/** Request and result of each verb. */
export const api = {
  submit: {
    request: z.object({
      run: identifierSchema,
      /** The graph itself, or the digest of the object that holds its JSON when it is over 256 KiB. */
      graph: z.union([z.object({ inline: graphSpecSchema }), z.object({ digest: digestSchema })]),
      options: runOptionsSchema.prefault({}),
    }),
    result: z.object({ run: identifierSchema, jobs: z.number().int(), repeated: z.boolean() }),
  },
  runs: {
    request: z.object({ ...page, status: runStatusSchema.optional() }),
    result: z.object({ total: z.number().int(), runs: z.array(runViewSchema) }),
  },
  run: { request: runRef, result: runViewSchema },
  jobs: {
    request: runRef.extend({ ...page, phase: jobPhaseSchema.optional(), job: nameSchema.optional() }),
    result: z.object({ total: z.number().int(), jobs: z.array(jobViewSchema) }),
  },
  graph: {
    request: runRef.extend(page),
    result: z.object({
      total: z.number().int(),
      jobs: z.array(z.object({ job: nameSchema, phase: jobPhaseSchema, needs: z.array(nameSchema) })),
    }),
  },
  cancel: {
    request: runRef.extend({
      job: nameSchema.optional(),
      by: z.string().max(200).default(""),
      reason: z.string().max(500).default("cancelled on request"),
    }),
    result: z.object({ cancelled: z.boolean(), status: runStatusSchema }),
  },
  priority: {
    request: runRef.extend({ job: nameSchema.optional(), priority: z.number().int().min(0).max(1000) }),
    result: z.object({ priority: z.number().int() }),
  },
  explain: { request: runRef.extend({ job: nameSchema }), result: explanationSchema },
  agents: {
    request: z.object({ ...page }),
    result: z.object({ total: z.number().int(), agents: z.array(agentViewSchema) }),
  },
  mode: {
    request: z.object({ agent: nameSchema, mode: agentModeSchema }),
    result: z.object({ agent: nameSchema, mode: agentModeSchema }),
  },
  status: {
    request: z.object({}),
    result: z.object({
      namespace: identifierSchema,
      version: z.string(),
      epoch: z.number().int(),
      runs: z.number().int(),
      agents: z.number().int(),
      counters: z.array(z.tuple([z.string(), z.number()])),
    }),
  },
} as const;

export type Verb = keyof typeof api;
export type ApiRequest<V extends Verb> = z.input<(typeof api)[V]["request"]>;
export type ApiCommand<V extends Verb> = z.output<(typeof api)[V]["request"]>;
export type ApiResult<V extends Verb> = z.output<(typeof api)[V]["result"]>;

export const apiFailureSchema = z.object({
  ok: z.literal(false),
  error: z.object({ code: z.string(), message: z.string(), fix: z.string().optional() }),
});
export const verbs = Object.keys(api) as Verb[];
