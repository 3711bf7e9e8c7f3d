/**
 * What coordinator and agents say to each other, as MessagePack under `millrace.<ns>._.`.
 *
 * Agent to coordinator, on `_.from.<agent>.<kind>`: `hello` registers and lists what the agent holds, `heartbeat`
 * keeps it alive, `report` carries what became of attempts, `answer` answers a question
 * about its host. Coordinator to agent, on `_.to.<agent>.orders`: one
 * numbered batch of orders. Orders are a reliable channel: the coordinator numbers batches from 1 for each
 * (epoch, incarnation), the agent handles them in order and says the last number it handled in whatever it sends;
 * what stays unconfirmed is sent again. A hello is answered by the next batch, if need be an empty one. Results are
 * reliable in the other direction: an agent repeats a finished item until an order settles it.
 *
 * Fencing: an attempt is named by (run, job, attempt, lease); an agent by (name, incarnation); a coordinator's term
 * by its epoch. An agent refuses orders of an epoch lower than the highest it has seen.
 */
import { z } from "zod";
import { agentAnswerSchema, agentQuestionSchema, agentRefusalSchema } from "./agent-question.ts";
import {
  commandSchema,
  digestSchema,
  jobFilesSchema,
  jobSpecSchema,
  layoutSchema,
  pairsSchema,
} from "./job-spec.ts";
import { identifierSchema, nameSchema } from "./name.ts";
import { attemptResultSchema, evidenceFields, progressSchema } from "./outcome.ts";

export const PROTOCOL_VERSION = 1;

/** One execution of a job: `job` is its index in the run's graph, `lease` a random token of its job request. */
export const attemptRefSchema = z.object({
  run: identifierSchema,
  job: z.number().int().min(0),
  attempt: z.number().int().min(1),
  lease: z.string().min(1).max(64),
});
export type AttemptRef = z.infer<typeof attemptRefSchema>;

/** The four fields that name an attempt, without whatever else the object has. */
export function attemptRef({ run, job, attempt, lease }: AttemptRef): AttemptRef {
  return { run, job, attempt, lease };
}

export const heldAttemptSchema = attemptRefSchema.extend({
  /** `queued`: accepted, not started. `finished`: its report is not settled yet. */
  phase: z.enum(["queued", "running", "finished"]),
});
export type HeldAttempt = z.infer<typeof heldAttemptSchema>;

const senderFields = {
  v: z.literal(PROTOCOL_VERSION),
  agent: nameSchema,
  /** New for each start of the agent; see `incarnation.ts`. */
  incarnation: z.string().min(1).max(64),
  epoch: z.number().int().min(0),
  /** Number of the last batch of orders handled in this epoch; 0 before the first. */
  ordersSeen: z.number().int().min(0),
};

export const agentModeSchema = z.enum(["active", "held", "draining"]);
export type AgentMode = z.infer<typeof agentModeSchema>;

/** Why an agent takes no jobs at present though nobody told it to hold, such as a disk that is nearly full. */
const troubleSchema = z.string().optional();

export const capacitySchema = z.object({
  slots: z.number().int().min(0),
  cpu: z.number().min(0),
  memoryBytes: z.number().min(0),
});
export type Capacity = z.infer<typeof capacitySchema>;

/**
 * What an agent can do that version 0.1 could not; those that are not known are of later versions.
 * `packageJobs`: takes job requests with `program`, `layout`, `files` and `marks`.
 * `hostQuestions`: answers questions about its host.
 * `hostLayout`: gives the layout `package` without a container, too.
 */
export const ability = {
  packageJobs: "packageJobs",
  hostLayout: "hostLayout",
  hostQuestions: "hostQuestions",
} as const;

export const helloSchema = z.object({
  ...senderFields,
  capacity: capacitySchema,
  labels: pairsSchema,
  /** Only runs submitted to the same pool are placed here; empty is the common pool. */
  pool: z.string().max(64),
  mode: agentModeSchema,
  host: z.object({
    hostname: z.string(),
    platform: z.string(),
    arch: z.string(),
    pid: z.number().int(),
    /** What jobs without a container find there, such as `debian 12 x86_64`; absent in version 0.1. */
    identity: z.string().max(200).optional(),
  }),
  abilities: z.array(z.string()).default([]),
  versions: z.object({
    millrace: z.string(),
    node: z.string(),
    /** `docker 20.10.24`, `podman 4.3.1`, or null without a container engine. */
    engine: z.string().nullable(),
  }),
  held: z.array(heldAttemptSchema),
  trouble: troubleSchema,
});
export type Hello = z.infer<typeof helloSchema>;

export const heartbeatSchema = z.object({
  ...senderFields,
  mode: agentModeSchema,
  load1: z.number(),
  freeMemoryBytes: z.number(),
  held: z.array(heldAttemptSchema),
  trouble: troubleSchema,
  /** How many batches and orders it has refused, by reason. */
  refused: z.array(z.tuple([z.string(), z.number().int()])).default([]),
});
export type Heartbeat = z.infer<typeof heartbeatSchema>;

export const reportItemSchema = z.discriminatedUnion("kind", [
  attemptRefSchema.extend({ kind: z.literal("started") }),
  /** Not run, and will not be: refused at admission, recalled, or dropped by a drain. Repeated until settled. */
  attemptRefSchema.extend({ kind: z.literal("returned"), reason: z.string() }),
  /** Repeated until settled. */
  attemptRefSchema.extend({ kind: z.literal("finished"), result: attemptResultSchema, ...evidenceFields }),
  /** What its marks say has changed; only of a request with `marks`. */
  attemptRefSchema.extend({ kind: z.literal("progress"), ...progressSchema.shape }),
]);
export type ReportItem = z.infer<typeof reportItemSchema>;

export const reportSchema = z.object({ ...senderFields, items: z.array(reportItemSchema) });
export type Report = z.infer<typeof reportSchema>;

/** The answer to a question about its host, or why there is none. */
export const answerReportSchema = z.object({
  ...senderFields,
  id: identifierSchema,
  answer: z.union([agentAnswerSchema, agentRefusalSchema]),
});
export type AnswerReport = z.infer<typeof answerReportSchema>;

/** The agent ends in order; it holds nothing any more. */
export const byeSchema = z.object({ ...senderFields, reason: z.string() });
export type Bye = z.infer<typeof byeSchema>;

export const jobInputSchema = z.object({ job: nameSchema, digest: digestSchema });
export type JobInput = z.infer<typeof jobInputSchema>;

export const jobRequestSchema = attemptRefSchema.extend({
  spec: jobSpecSchema
    .pick({
      name: true,
      image: true,
      network: true,
      outputs: true,
      resources: true,
      timeouts: true,
      sources: true,
      marks: true,
    })
    .extend({
      run: commandSchema,
      /** These two are left out where they say nothing: version 0.1 does not know them. */
      layout: layoutSchema.optional(),
      files: z.array(jobFilesSchema).optional(),
    }),
  /** Complete environment beside what the agent adds: vars, then the job's own, later ones winning. */
  env: pairsSchema,
  inputs: z.array(jobInputSchema),
  /** Digest of the object `data/<digest>` that holds the inputs instead, as JSON, where they are many. */
  inputList: digestSchema.optional(),
});
export const jobInputsSchema = z.array(jobInputSchema);
export type JobRequest = z.infer<typeof jobRequestSchema>;

export const orderSchema = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("start"), request: jobRequestSchema }),
  /** The report on this attempt is in the journal, or is not wanted: forget it, free its files. */
  attemptRefSchema.extend({ kind: z.literal("settle") }),
  /** End it if it runs, forget it if it waits; answered by a `finished` item with the outcome `cancelled`. */
  attemptRefSchema.extend({ kind: z.literal("cancel"), reason: z.string() }),
  /** Give it back if it has not started (answered by `returned`); ignored otherwise. */
  attemptRefSchema.extend({ kind: z.literal("recall") }),
  z.object({ kind: z.literal("mode"), mode: agentModeSchema }),
  /** Answer this question once, however often it comes; to agents with the ability `hostQuestions` alone. */
  z.object({ kind: z.literal("ask"), id: identifierSchema, question: agentQuestionSchema }),
]);
export type Order = z.infer<typeof orderSchema>;

/** A batch whose orders are yet to be read, one by one. */
export const orderBatchSchema = z.object({
  v: z.literal(PROTOCOL_VERSION),
  epoch: z.number().int().min(1),
  incarnation: z.string(),
  /** 1, 2, 3 … for each (epoch, incarnation); 0 asks whoever is there for a `hello` and carries no orders. */
  number: z.number().int().min(0),
  heartbeatMs: z.number().int().positive(),
  orders: z.array(z.unknown()),
  /** With number 0: this incarnation is not registered, as another process has its name. */
  refused: z.string().max(1000).optional(),
});
export const ordersSchema = orderBatchSchema.extend({ orders: z.array(orderSchema) });
export type Orders = z.infer<typeof ordersSchema>;
