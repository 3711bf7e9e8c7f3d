/**
 * The run file as people write it: the one definition of its keys. Readers check files along it, editors get its JSON
 * Schema, and its types are what a checked file gives. Maps that users choose the keys of are `z.map`: a Map in
 * memory, an object in the file.
 *
 * Each message says what a value must be, beginning with "must", so that readers can put the place in front of it
 * and what was found behind it.
 */
import { z } from "zod";
import { durationPattern, MAX_DURATION_MS, parseDurationMs } from "./duration.ts";
import { globProblem, plainGlob } from "./glob-pattern.ts";
import { layoutSchema, retryCauseSchema, whenSchema } from "./job-spec.ts";
import { nameProblem } from "./name.ts";
import { parseSizeBytes, sizePattern } from "./size.ts";

const text = z
  .string("must be text")
  .refine((value) => !value.includes("\0"), "must not contain a NUL character")
  .refine((value) => value.isWellFormed(), "must be valid Unicode");

const filledText = text.refine((value) => value !== "", "must not be empty").meta({ minLength: 1 });

/** Text, or what YAML takes for something else though text is meant. A fraction is refused: 1.10 would become 1.1. */
const textValue = z
  .union([text, z.boolean(), z.int()], {
    error: ({ input }) =>
      typeof input === "number"
        ? "must be text or a whole number: put it in quotes to keep it as it is written"
        : "must be text (or true, false, a whole number)",
  })
  .transform(String);

const jobName = z.string("must be the name of a job");

const newJobName = z.string().superRefine((name, context) => {
  const problem = nameProblem(name);
  if (problem !== undefined) context.addIssue({ code: "custom", message: problem });
});

const variableName = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, {
  error: "must be letters, digits and _, and not begin with a digit",
});

const labelName = z
  .string()
  .regex(/^[^=\p{Cc}]+$/u, { error: "must not be empty nor contain = or control characters" });

const duration = z
  .string("must be a duration with a unit, such as 90s, 10m or 1h30m")
  .transform((value, context) => {
    const ms = parseDurationMs(value);
    if (ms !== undefined && ms > 0 && ms <= MAX_DURATION_MS) return ms;
    const message =
      ms === undefined
        ? "must be a duration with a unit, such as 90s, 10m or 1h30m"
        : "must be longer than 0 and at most 24d";
    context.addIssue({ code: "custom", message });
    return z.NEVER;
  })
  .meta({ pattern: durationPattern.source, examples: ["90s", "10m", "1h30m"] });

const size = z
  .string("must be a size with a unit, such as 512MiB or 2GB")
  .transform((value, context) => {
    const bytes = parseSizeBytes(value);
    if (bytes !== undefined && bytes > 0) return bytes;
    context.addIssue({ code: "custom", message: "must be a size with a unit, such as 512MiB or 2GB" });
    return z.NEVER;
  })
  .meta({ pattern: sizePattern.source, examples: ["512MiB", "2GiB"] });

const glob = z.string("must be a glob").transform((value, context) => {
  const problem = globProblem(value);
  if (problem === undefined) return plainGlob(value);
  context.addIssue({ code: "custom", message: problem });
  return z.NEVER;
});

/** A list, or its only item. */
function oneOrMore<T extends z.ZodType>(item: T) {
  return z.union([item, z.array(item)]);
}

const argument = textValue.meta({ description: "A program or an argument; nothing in it is expanded." });

const command = z.union([
  z
    .union([filledText, z.boolean()], "must be a script")
    .transform(String)
    .meta({
      description: "A script for `sh -e`; with a first line `#!…`, for what that line names.",
      examples: ["make -j2 all"],
    }),
  z
    .array(argument)
    .min(1, "must have at least the program")
    .meta({ description: "A program and its arguments, run without a shell." }),
]);

const need = z.union([
  jobName.meta({ description: "A job that must have succeeded before this one starts." }),
  z.strictObject({
    job: jobName.meta({ description: "A job that must have succeeded before this one starts." }),
    transitive: z.boolean("must be true or false").optional().meta({
      description: "Whether the outputs of all that this job needed come along, too.",
      default: false,
    }),
  }),
]);

const count = (max: number) =>
  z
    .int(`must be a whole number from 0 to ${max}`)
    .min(0, `must be a whole number from 0 to ${max}`)
    .max(max, `must be a whole number from 0 to ${max}`);

const exitStatus = z
  .int("must be an exit status from 1 to 255")
  .min(1, "must be an exit status from 1 to 255")
  .max(255, "must be an exit status from 1 to 255");

const retries = z.union([
  count(100).meta({ description: "How often a job that failed is tried again." }),
  z.strictObject({
    max: count(100).meta({ description: "How often a job that failed is tried again." }),
    on: oneOrMore(retryCauseSchema)
      .optional()
      .meta({
        description: "What is tried again.",
        default: ["failure", "timeout", "outOfMemory"],
      }),
    exitCodes: oneOrMore(exitStatus)
      .optional()
      .meta({ description: "Which exit statuses are tried again; all of them when left out." }),
    backoff: duration.optional().meta({
      description: "Wait before the first retry; it doubles with each one. None when left out.",
      examples: ["5s"],
    }),
  }),
]);

const timeout = z.union([
  duration.meta({ description: "How long the job may run, such as 10m." }),
  z.strictObject({
    run: duration.optional().meta({ description: "How long the job may run." }),
    queue: duration.optional().meta({ description: "How long the job may wait for a slot." }),
    noOutput: duration
      .optional()
      .meta({ description: "How long the job may run without writing any output." }),
  }),
]);

const cpuMessage = "must be a number of processors above 0, such as 2 or 0.5";

const resources = z.strictObject({
  cpu: z
    .number(cpuMessage)
    .positive(cpuMessage)
    .optional()
    .meta({ description: "Processors; may be a fraction." }),
  memory: size.optional().meta({ description: "Memory with a unit, such as 1GiB." }),
});

const flag = z.boolean("must be true or false");

/** What may stand in `defaults`: all that describes how jobs run, not how they hang together. */
const sharedJobKeys = {
  run: command.optional().meta({
    description: "What the job does: a script for `sh -e`, or a list of a program and its arguments.",
  }),
  layout: layoutSchema.optional().meta({
    description:
      "What the job finds: a workspace, or the fixed paths /inputs, /patches and /outputs of packages.",
    default: "workspace",
  }),
  image: filledText.optional().meta({
    description: "Container image to run in; without one the job runs in a shell on the host.",
    examples: ["debian:12"],
  }),
  network: filledText.optional().meta({
    description: "Network of the container: bridge, none, host, or one that the engine knows.",
  }),
  env: z.map(variableName, textValue).optional().meta({ description: "Environment variables." }),
  outputs: oneOrMore(glob).optional().meta({
    description:
      "Globs of files in the job's workspace that become its artifact. One without a match fails the job.",
  }),
  labels: z.map(labelName, textValue).optional().meta({
    description: "Labels that an agent must have to get the job.",
  }),
  resources: resources.optional().meta({
    description: "What the job takes of an agent, beside one slot. Enforced in containers.",
  }),
  timeout: timeout.optional().meta({
    description: "How long the job may run; or limits for running, queueing and silence. None when left out.",
  }),
  retries: retries.optional().meta({
    description: "How often and when a failed job is tried again.",
    default: 0,
  }),
  rerunAfterLoss: flag.optional().meta({
    description: "Whether the job may run again when its agent was lost and nobody knows how it ended.",
    default: true,
  }),
  priority: count(1000).optional().meta({
    description: "1 to 1000, higher first; 0 holds the job.",
    default: 500,
  }),
  sources: oneOrMore(glob).optional().meta({
    description: "Globs of files beside the run file; the job finds them read-only in $MILLRACE_SOURCE.",
  }),
  reuse: flag.optional().meta({
    description:
      "Whether the result of an equal job that succeeded before takes the place of running. Where it is not said: if " +
      "the job has sources, or if all that it needs is reused. A job with effects elsewhere says false.",
  }),
  allowFailure: flag.optional().meta({
    description: "Whether the run may succeed and dependants go on though this job failed.",
    default: false,
  }),
  when: whenSchema.optional().meta({
    description:
      "Whether the job runs when its needs succeeded, in any case, or only when one of them failed.",
    default: "success",
  }),
};

const jobDefinition = z
  .strictObject({
    needs: oneOrMore(need).optional().meta({
      description: "Jobs that come first; their outputs appear in $MILLRACE_INPUTS/<job>/.",
    }),
    ...sharedJobKeys,
  })
  .meta({ description: "A job. `run` is needed here or in defaults." });

const defaultsDefinition = z.strictObject(sharedJobKeys);

/** The whole file. */
export const runFileSchema = z.strictObject({
  $schema: z
    .string("must be text")
    .optional()
    .meta({ description: "Where editors find the schema; not used." }),
  name: filledText
    .refine((name) => name.length <= 200, "must not exceed 200 characters")
    .optional()
    .meta({ description: "What the run is called in listings.", maxLength: 200 }),
  vars: z.map(variableName, textValue).optional().meta({
    description: "Variables and their defaults, set by --var NAME=VALUE: environment of every job.",
  }),
  defaults: defaultsDefinition.optional().meta({
    description: "Merged under every job: maps key by key, anything else as a whole.",
  }),
  jobs: z
    .map(newJobName, jobDefinition)
    .min(1, "must have at least one job")
    .meta({ description: "The jobs by name.", minProperties: 1 }),
});

export type RunFile = z.output<typeof runFileSchema>;
export type JobDefinition = z.output<typeof jobDefinition>;
export type JobDefaults = z.output<typeof defaultsDefinition>;
