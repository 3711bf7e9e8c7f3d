/**
 * What people may ask of the host of an agent, through the coordinator, and the answers: how it is, its images, its
 * containers. A question has an id that whoever asks has made, so that one that is repeated is carried out once.
 */
import { z } from "zod";

/** An id, the start of one, or a name: nothing that an engine's command line could take for an option. */
export const containerRefSchema = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,199}$/);

const chosen = {
  containers: z.array(containerRefSchema).min(1).max(1000),
  /** Also those that other agents or other people have made; without it they are refused. */
  others: z.boolean().default(false),
};

/** How long a command in a container may take. */
export const EXEC_LIMIT_MS = 60_000;

export const agentQuestionSchema = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("ping") }),
  z.object({ kind: z.literal("stats") }),
  z.object({ kind: z.literal("images") }),
  /** Which of these are there; none is fetched. */
  z.object({ kind: z.literal("findImages"), images: z.array(z.string().min(1).max(500)).min(1).max(200) }),
  /** All there are, with those that have ended. */
  z.object({ kind: z.literal("containers") }),
  z.object({
    kind: z.literal("stop"),
    ...chosen,
    /** Between TERM and KILL. */
    graceMs: z.number().int().min(0).max(600_000).default(10_000),
  }),
  /** Only such as do not run, and of whose attempts all is told. */
  z.object({ kind: z.literal("remove"), ...chosen }),
  z.object({ kind: z.literal("top"), container: containerRefSchema }),
  z.object({ kind: z.literal("inspect"), container: containerRefSchema }),
  z.object({
    kind: z.literal("exec"),
    container: containerRefSchema,
    argv: z.array(z.string().max(100_000)).min(1).max(1000),
  }),
]);
export type AgentQuestion = z.output<typeof agentQuestionSchema>;
export type AgentQuestionInput = z.input<typeof agentQuestionSchema>;

export const hostContainerSchema = z.object({
  id: z.string(),
  name: z.string(),
  image: z.string(),
  /** In the engine's word: `running`, `exited`. */
  state: z.string(),
  isRunning: z.boolean(),
  createdAt: z.string(),
  /** By its labels: which agent has made it, for which run; null for what is no job's. */
  agent: z.string().nullable(),
  run: z.string().nullable(),
  /** This agent has made it. */
  isOwn: z.boolean(),
  /** The agent has its attempt yet. */
  isInUse: z.boolean(),
});
export type HostContainer = z.infer<typeof hostContainerSchema>;

const results = {
  /** Null where it was done, or had been done before. */
  results: z.array(z.object({ container: z.string(), problem: z.string().nullable() })),
};

/** The kind of an answer is that of its question. */
export const agentAnswerSchema = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("ping") }),
  z.object({
    kind: z.literal("stats"),
    /** Null without one, and so are the counts. */
    engine: z.string().nullable(),
    containers: z.number().int().nullable(),
    running: z.number().int().nullable(),
    images: z.number().int().nullable(),
    hostname: z.string(),
    kernel: z.string(),
    system: z.string(),
    processors: z.number().int(),
    memoryBytes: z.number(),
    /** What its clock shows. */
    at: z.iso.datetime(),
  }),
  z.object({
    kind: z.literal("images"),
    total: z.number().int(),
    images: z.array(
      z.object({ digest: z.string(), names: z.array(z.string()), bytes: z.number(), createdAt: z.string() }),
    ),
  }),
  z.object({
    kind: z.literal("findImages"),
    images: z.array(
      z.object({ image: z.string(), digest: z.string().nullable(), problem: z.string().nullable() }),
    ),
  }),
  z.object({
    kind: z.literal("containers"),
    total: z.number().int(),
    containers: z.array(hostContainerSchema),
  }),
  z.object({ kind: z.literal("stop"), ...results }),
  z.object({ kind: z.literal("remove"), ...results }),
  z.object({
    kind: z.literal("top"),
    titles: z.array(z.string()),
    processes: z.array(z.array(z.string())),
  }),
  /** What the engine knows of it, as JSON in the engine's own form. */
  z.object({ kind: z.literal("inspect"), document: z.string() }),
  z.object({
    kind: z.literal("exec"),
    exitCode: z.number().int(),
    stdout: z.string(),
    stderr: z.string(),
    /** There was more output than an answer holds. */
    isCut: z.boolean(),
  }),
]);
export type AgentAnswer = z.infer<typeof agentAnswerSchema>;
/** The answer to a question of this kind. */
export type AnswerTo<K extends AgentQuestion["kind"]> = Extract<AgentAnswer, { readonly kind: K }>;

/** Why there is no answer. */
export const agentRefusalSchema = z.object({
  kind: z.literal("refused"),
  code: z.enum(["unavailable", "notFound", "conflict", "unsupported", "internal"]),
  message: z.string().max(2000),
});
export type AgentRefusal = z.infer<typeof agentRefusalSchema>;
