/**
 * The control API: JSON on request-reply, `millrace.<ns>.api.<verb>`, also a NATS service. A reply is
 * `{ok: true, result}` or `{ok: false, error: {code, message, fix?}}`. Listings are paged: `offset`, `limit`, and
 * `total` in the reply.
 */
import { z } from "zod";
import { agentAnswerSchema, agentQuestionSchema } from "./agent-question.ts";
import { executedSchema, jobCountsSchema, jobPhaseSchema, runStatusSchema } from "./event.ts";
import { digestSchema, graphSpecSchema, pairsSchema } from "./job-spec.ts";
import { agentModeSchema, capacitySchema } from "./messages.ts";
import { identifierSchema, nameSchema } from "./name.ts";
import { artifactSchema, outcomeSchema, progressSchema, ranOnSchema } from "./outcome.ts";

const page = {
  offset: z.number().int().min(0).default(0),
  limit: z.number().int().min(1).max(1000).default(200),
};

const runOptions = {
  keepGoing: z.boolean(),
  priority: z.number().int().min(0).max(1000),
  /** Only agents of this pool run it; empty is the common pool. */
  pool: z.string().max(64),
  /** A job that no registered agent can run fails at once instead of waiting for one that can. */
  failUnschedulable: z.boolean(),
  submitter: z.string().max(200),
  /** Results of equal jobs take the place of running, where a job allows it. */
  reuse: z.boolean(),
  /** Equal inputs make equal jobs, however they were made; else all that lies below them has to be equal, too. */
  cutoff: z.boolean(),
};
export const runOptionsSchema = z.object({
  keepGoing: runOptions.keepGoing.default(true),
  priority: runOptions.priority.default(500),
  pool: runOptions.pool.default(""),
  failUnschedulable: runOptions.failUnschedulable.default(false),
  submitter: runOptions.submitter.default(""),
  reuse: runOptions.reuse.default(true),
  cutoff: runOptions.cutoff.default(true),
});
export type RunOptions = z.output<typeof runOptionsSchema>;
const retryOptionsSchema = z.object({
  keepGoing: runOptions.keepGoing.exactOptional(),
  priority: runOptions.priority.exactOptional(),
  pool: runOptions.pool.exactOptional(),
  failUnschedulable: runOptions.failUnschedulable.exactOptional(),
  submitter: runOptions.submitter.exactOptional(),
  reuse: runOptions.reuse.exactOptional(),
  cutoff: runOptions.cutoff.exactOptional(),
});

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
  ranOn: ranOnSchema.nullable().default(null),
  /** Marks were to be read in its log, and none says that it succeeded. */
  implicit: z.boolean().default(false),
  /** What the marks in its log have said last. */
  progress: progressSchema.nullable().default(null),
});
export type AttemptView = z.infer<typeof attemptViewSchema>;

export const jobViewSchema = z.object({
  job: nameSchema,
  index: z.number().int(),
  phase: jobPhaseSchema,
  priority: z.number().int(),
  /** The image that the graph names for it; absent from a coordinator that does not tell. */
  image: z.string().nullable().exactOptional(),
  attempts: z.array(attemptViewSchema),
  artifact: artifactSchema.nullable(),
  rootCause: nameSchema.nullable(),
  /** Why it is in this phase, for people: the outcome, what blocks it, why it was skipped. */
  reason: z.string().nullable(),
  /** In a retry: the earlier run that executed it. It was not run again, and its log is there. */
  carriedFrom: identifierSchema.nullable().default(null),
  /** The earlier attempt whose result was reused, or carried over under another name. Its log is there. */
  reusedFrom: executedSchema.nullable().default(null),
});
export type JobView = z.infer<typeof jobViewSchema>;

export const runViewSchema = z.object({
  run: identifierSchema,
  name: z.string().nullable(),
  status: runStatusSchema,
  submittedAt: z.iso.datetime(),
  endedAt: z.iso.datetime().nullable(),
  /** When it ends, by how long its jobs took in earlier runs; from the leader, of a run that goes on, where it is known. */
  expectedEndAt: z.iso.datetime().optional(),
  priority: z.number().int(),
  submitter: z.string(),
  counts: jobCountsSchema,
  /** How many of the jobs that succeeded were reused. */
  reused: z.number().int().default(0),
  jobs: z.number().int(),
  reason: z.string().nullable(),
  /** The run that this one retries. */
  retryOf: identifierSchema.nullable().default(null),
  /** How often its priority, or that of one of its jobs, was set; 0 for an ended run. */
  priorityChanges: z.number().int().default(0),
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
  /** Why it takes no jobs though nobody told it to hold, such as a disk that is nearly full. */
  trouble: z.string().nullable().default(null),
  /** How many orders it has refused, by reason. */
  refused: z.array(z.tuple([z.string(), z.number().int()])).default([]),
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

/** `tight`: no job is started and no run taken; `full`: what is decided waits to be stored. */
export const storageViewSchema = z.object({
  level: z.enum(["roomy", "tight", "full"]),
  since: z.iso.datetime(),
  streams: z.array(
    z.object({
      stream: z.string(),
      messages: z.number(),
      bytes: z.number(),
      maxBytes: z.number().nullable(),
      replicas: z.number().int(),
    }),
  ),
  /** What the account holds in files, and may hold. */
  accounts: z.array(z.object({ bytes: z.number(), maxBytes: z.number().nullable() })),
});

/** Something that an operator should know, since when, and what to do. */
export const troubleSchema = z.object({
  code: z.string(),
  message: z.string(),
  fix: z.string().nullable(),
  since: z.iso.datetime(),
});

/** A collection: what it has removed so far, or would remove. */
export const collectionViewSchema = z.object({
  collection: identifierSchema,
  dryRun: z.boolean(),
  phase: z.enum([
    "waiting",
    "condemning",
    "settling",
    "confirming",
    "removing",
    "marking",
    "sweepingEntries",
    "sweepingChunks",
    "done",
    "failed",
  ]),
  runs: z.number().int(),
  /** The first of these runs. */
  runList: z.array(identifierSchema),
  keptRuns: z.number().int(),
  /** Runs whose references have been read. */
  markedRuns: z.number().int(),
  objects: z.number().int(),
  seenObjects: z.number().int(),
  chunks: z.number().int(),
  bytes: z.number(),
  /** Why it has failed. */
  reason: z.string().nullable(),
});
export type CollectionView = z.infer<typeof collectionViewSchema>;

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
  /** What a run of this graph would do now: nothing is started. Jobs are listed after all that they need. */
  plan: {
    request: z.object({
      ...page,
      /** Id that the asker makes. Questions of one id are about one plan, which is made once: each page of it, and copies. */
      plan: identifierSchema.optional(),
      graph: z.union([z.object({ inline: graphSpecSchema }), z.object({ digest: digestSchema })]),
      options: runOptionsSchema.prefault({}),
    }),
    result: z.object({
      total: z.number().int(),
      /** How many jobs are still looked at: there are no `jobs` as yet, and the question is to be asked again. */
      open: z.number().int().default(0),
      /** How many jobs would be reused. */
      reused: z.number().int(),
      /** How many may be spared: they are reused if what they need is made anew and comes out the same. */
      mayBeSpared: z.number().int().default(0),
      /** How long the rest would take on the agents of its pool; null where too little is known. */
      expectedMs: z.number().nullable(),
      /** The same if all are spared that may be. */
      leastMs: z.number().nullable().default(null),
      jobs: z.array(
        z.object({
          job: nameSchema,
          /** Whose result it would have; null for one that would run. */
          from: executedSchema.nullable(),
          /** It may be spared. */
          mayBeSpared: z.boolean().default(false),
          /** Why it would run. */
          reason: z.string().nullable(),
          /** How long it usually takes. */
          estimateMs: z.number().nullable(),
        }),
      ),
    }),
  },
  /** Runs again what of an ended run failed, was blocked or cancelled; the rest is carried over. */
  retry: {
    request: z.object({
      /** Id of the new run. */
      run: identifierSchema,
      retryOf: identifierSchema,
      /** What is left out is as in the run that is retried. */
      options: retryOptionsSchema.prefault({}),
    }),
    result: z.object({ run: identifierSchema, jobs: z.number().int(), repeated: z.boolean() }),
  },
  runs: {
    request: z.object({ ...page, status: runStatusSchema.optional() }),
    result: z.object({ total: z.number().int(), runs: z.array(runViewSchema) }),
  },
  run: {
    request: runRef.extend({
      /** Asks for what only the leader knows: `expectedEndAt`. */
      forecast: z.boolean().optional(),
    }),
    result: runViewSchema,
  },
  jobs: {
    /** All that is given has to hold. */
    request: runRef.extend({
      ...page,
      phase: jobPhaseSchema.optional(),
      job: nameSchema.optional(),
      /** One of these; names that the run does not have are passed over. */
      names: z.array(nameSchema).max(1_000).optional(),
      /** What its name begins with. */
      namePrefix: z.string().min(1).optional(),
      /** The image that the graph names for it. */
      image: z.string().min(1).optional(),
      /** Variables of its environment, with these values. */
      env: pairsSchema.optional(),
      /** An agent that an attempt of it was on. */
      agent: nameSchema.optional(),
    }),
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
    request: runRef.extend({
      job: nameSchema.optional(),
      priority: z.number().int().min(0).max(1000),
      /** The run's `priorityChanges` that the caller has seen: refused as `conflict` when there was another one since. */
      after: z.number().int().min(0).optional(),
    }),
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
  /** Asks the host of an agent. The client names the question: the same name again is the same question. */
  ask: {
    request: z.object({ id: identifierSchema, agent: nameSchema, question: agentQuestionSchema }),
    result: z.object({ agent: nameSchema, answer: agentAnswerSchema }),
  },
  /**
   * Removes expired runs and what nobody refers to any more. The client names the collection: the same name again
   * tells how far it is, and begins it anew where no coordinator knows of it.
   */
  gc: {
    request: z.object({
      collection: identifierSchema,
      /** Finds what would go, and removes nothing. */
      dryRun: z.boolean().default(false),
      /** Runs that ended longer ago go as well, whatever the coordinator is told to keep. */
      olderThanMs: z.number().int().min(0).optional(),
      /** How long objects that nobody refers to are kept after they were last announced. */
      unreferencedForMs: z.number().int().min(0).optional(),
    }),
    result: collectionViewSchema,
  },
  status: {
    request: z.object({}),
    result: z.object({
      namespace: identifierSchema,
      version: z.string(),
      /** The coordinator that leads. */
      node: z.string().default(""),
      epoch: z.number().int(),
      /** The others, with the entries of the journal that each has still to follow; null while that is not known. */
      standbys: z.array(z.object({ node: z.string(), lagEntries: z.number().int().nullable() })).default([]),
      runs: z.number().int(),
      agents: z.number().int(),
      counters: z.array(z.tuple([z.string(), z.number()])),
      /** Jobs that wait for a slot; null from a coordinator that does not tell. */
      queued: z.number().int().nullable().default(null),
      /** Null until it has been looked at. */
      storage: storageViewSchema.nullable().default(null),
      troubles: z.array(troubleSchema).default([]),
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
