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
]);
export type Command = z.infer<typeof commandSchema>;

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
  env: pairsSchema.default([]),
  /** Globs in the workspace whose matches become the job's artifact. */
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
  };
  if (job.image !== undefined) complete.image = job.image;
  if (job.network !== undefined) complete.network = job.network;
  if (job.sources !== undefined) complete.sources = job.sources;
  return complete;
}
