/**
 * A graph of jobs as it is submitted: what every reader of input formats produces and the coordinator takes.
 * Values are normalised (milliseconds, bytes, lists of pairs), unlike the run file's, which are made for people.
 * Anything left out has the default given here; the wire form leaves defaults out.
 */
import { z } from "zod";
import { nameSchema } from "./name.ts";

/** Pairs instead of an object: users choose the keys, `__proto__` among them. */
export const pairsSchema = z.array(z.tuple([z.string(), z.string()]));
export type Pairs = z.infer<typeof pairsSchema>;

export const digestSchema = z.string().regex(/^[0-9a-f]{64}$/, "must be a SHA-256 in lower-case hexadecimal");

const positiveMs = z.number().int().positive();

export const commandSchema = z.union([
  z.strictObject({ script: z.string() }),
  z.strictObject({ argv: z.array(z.string()).min(1) }),
  /** Text of an executable file, which says itself what runs it. */
  z.strictObject({ program: z.string().startsWith("#!", "must begin with #! and what runs it") }),
]);
export type Command = z.infer<typeof commandSchema>;

/** The command as words for people; a script or a program is one of them. */
export function wordsOf(command: Command): readonly string[] {
  if ("script" in command) return [command.script];
  return "argv" in command ? command.argv : [command.program];
}

/**
 * What a job finds around it: a workspace to which variables of its environment lead, or the fixed paths `/inputs`,
 * `/patches`, `/script` and `/outputs` that scripts of packages rely on.
 */
export const layoutSchema = z.enum(["workspace", "package"]);

/** An artifact of the submitter whose files a job of the layout `package` finds in `/inputs` or `/patches`. */
export const jobFilesSchema = z.strictObject({
  digest: digestSchema,
  folder: z.enum(["inputs", "patches"]),
});
export type JobFiles = z.infer<typeof jobFilesSchema>;

/** The lines `#BUTIDO:…` of the log are read. */
export const marksSchema = z.strictObject({
  /** `both`: a success takes exit status 0 and no line of an error; `marks`: the lines alone decide. */
  verdict: z.enum(["both", "marks"]),
});

export const needSchema = z.strictObject({ job: nameSchema, transitive: z.boolean().default(false) });

export const retryCauseSchema = z.enum(["failure", "timeout", "outOfMemory"]);
export type RetryCause = z.infer<typeof retryCauseSchema>;

export const retriesSchema = z.strictObject({
  max: z.number().int().min(0).max(100),
  on: z.array(retryCauseSchema).default(["failure", "timeout", "outOfMemory"]),
  /** Exit statuses that may be retried; all of them when left out. */
  exitCodes: z.array(z.number().int().min(0).max(255)).optional(),
  /** Wait before the first retry; it doubles with each one, with jitter. */
  backoffMs: z.number().int().min(0).default(0),
});

export const whenSchema = z.enum(["success", "always", "onFailure"]);

export const jobSpecSchema = z.strictObject({
  name: nameSchema,
  needs: z.array(needSchema).default([]),
  run: commandSchema,
  /** Container image; without one the job runs in a shell on the host. */
  image: z.string().min(1).optional(),
  /** Network of the container: `bridge`, `none`, `host` or one the engine knows. */
  network: z.string().min(1).optional(),
  layout: layoutSchema.default("workspace"),
  /** In the layout `package` alone. */
  files: z.array(jobFilesSchema).default([]),
  marks: marksSchema.optional(),
  env: pairsSchema.default([]),
  /** Globs in the workspace, in the layout `package` in `/outputs`, whose matches become the job's artifact. */
  outputs: z.array(z.string().min(1)).default([]),
  /** Labels an agent must have. */
  labels: pairsSchema.default([]),
  resources: z
    .strictObject({
      cpu: z.number().positive().optional(),
      memoryBytes: z.number().int().positive().optional(),
    })
    .default({}),
  timeouts: z
    .strictObject({
      runMs: positiveMs.optional(),
      queueMs: positiveMs.optional(),
      noOutputMs: positiveMs.optional(),
    })
    .default({}),
  retries: retriesSchema.default({ max: 0, on: ["failure", "timeout", "outOfMemory"], backoffMs: 0 }),
  rerunAfterLoss: z.boolean().default(true),
  /** 1 to 1000, higher first; 0 holds the job: it is not started, and ended if it runs. */
  priority: z.number().int().min(0).max(1000).default(500),
  /** Digest of the artifact that reaches the job read-only in `$MILLRACE_SOURCE`. */
  sources: digestSchema.optional(),
  allowFailure: z.boolean().default(false),
  when: whenSchema.default("success"),
  /** Whether an equal job's earlier result may take the place of running it. */
  reuse: z.boolean().default(false),
});
export type JobSpec = z.output<typeof jobSpecSchema>;
export type JobSpecInput = z.input<typeof jobSpecSchema>;

export const graphSpecSchema = z.strictObject({
  name: z.string().max(200).optional(),
  /** Environment of every job, under the job's own. */
  vars: pairsSchema.default([]),
  jobs: z.array(jobSpecSchema).min(1),
});
export type GraphSpec = z.output<typeof graphSpecSchema>;
export type GraphSpecInput = z.input<typeof graphSpecSchema>;

const defaults = jobSpecSchema.parse({ name: "any", run: { script: "" } });
const retryDefaults = retriesSchema.parse({ max: 0 });

/**
 * Fills in the defaults of a job that was validated before and stored as JSON, so without anything `undefined`: the same
 * as to parse it, in a fraction of the time. Written out, because copying objects by spreading costs ten times as much.
 */
export function completeJobSpec(job: JobSpecInput): JobSpec {
  const complete: JobSpec = {
    name: job.name,
    needs:
      job.needs?.map(({ job: needed, transitive = false }) => ({ job: needed, transitive })) ??
      defaults.needs,
    run: job.run,
    layout: job.layout ?? defaults.layout,
    files: job.files ?? defaults.files,
    env: job.env ?? defaults.env,
    outputs: job.outputs ?? defaults.outputs,
    labels: job.labels ?? defaults.labels,
    resources: job.resources ?? defaults.resources,
    timeouts: job.timeouts ?? defaults.timeouts,
    retries:
      job.retries === undefined
        ? defaults.retries
        : ({ ...retryDefaults, ...job.retries } as JobSpec["retries"]),
    rerunAfterLoss: job.rerunAfterLoss ?? defaults.rerunAfterLoss,
    priority: job.priority ?? defaults.priority,
    allowFailure: job.allowFailure ?? defaults.allowFailure,
    when: job.when ?? defaults.when,
    reuse: job.reuse ?? defaults.reuse,
  };
  if (job.image !== undefined) complete.image = job.image;
  if (job.network !== undefined) complete.network = job.network;
  if (job.marks !== undefined) complete.marks = job.marks;
  if (job.sources !== undefined) complete.sources = job.sources;
  return complete;
}
