/** Schemas of what options may say: they turn the words of the command line into values. */
import { z } from "zod";
import { parseDurationMs } from "../../shared/model/duration.ts";
import { reasonOf } from "../../shared/model/error.ts";
import { identifierSchema } from "../../shared/model/name.ts";
import { parseSizeBytes } from "../../shared/model/size.ts";
import { parseAgeMs } from "./age.ts";

/** A whole number within bounds. */
export function wholeNumber(minimum: number, maximum: number) {
  const bounds =
    maximum === Number.MAX_SAFE_INTEGER ? `of at least ${minimum}` : `from ${minimum} to ${maximum}`;
  const message = `must be a whole number ${bounds}`;
  return z
    .string()
    .regex(/^\d{1,15}$/, message)
    .transform(Number)
    .refine((value) => value >= minimum && value <= maximum, message);
}

export const priorityValue = wholeNumber(0, 1000);

/** Milliseconds, from a duration with units. */
export const durationValue = z.string().transform((text, context) => {
  const ms = parseDurationMs(text);
  if (ms !== undefined && ms > 0) return ms;
  context.addIssue({ code: "custom", message: "must be a duration with a unit, such as 30s, 10m or 1h30m" });
  return z.NEVER;
});

/** How long what no run refers to is kept: its upload may be under way, or its result on an agent that is away. */
export const unreferencedValue = durationValue.refine(
  (ms) => ms >= 3600_000,
  "must be at least 1h: uploads may be under way",
);

/** Bytes, from a size with a unit. */
export const sizeValue = z.string().transform((text, context) => {
  const bytes = parseSizeBytes(text);
  if (bytes !== undefined && bytes > 0) return bytes;
  context.addIssue({ code: "custom", message: "must be a size with a unit, such as 500MiB or 20GB" });
  return z.NEVER;
});

/** A regular expression. */
export const patternValue = z.string().transform((text, context) => {
  try {
    return new RegExp(text);
  } catch (error) {
    context.addIssue({ code: "custom", message: `must be a regular expression: ${reasonOf(error)}` });
    return z.NEVER;
  }
});

/** A moment: an ISO 8601 date, or how long ago. The schema gives a function of the present time. */
export const momentValue = z.string().transform((text, context): ((nowMs: number) => Date) => {
  const agoMs = parseAgeMs(text);
  if (agoMs !== undefined) return (nowMs) => new Date(nowMs - agoMs);
  const at = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : Number.NaN;
  if (!Number.isNaN(at)) return () => new Date(at);
  context.addIssue({
    code: "custom",
    message: "must be a time such as 2026-05-01T12:00:00Z, or a duration such as 10m",
  });
  return z.NEVER;
});

/** How a cluster is found: the options that every command that talks to one has. */
export const connectionShape = {
  server: z.string().min(1).optional(),
  namespace: identifierSchema.default("default"),
  timeout: durationValue.optional(),
};

/** The options of a run that is submitted, beside its file. */
export const submissionShape = {
  file: z.string(),
  jobs: z.array(z.string()).default([]),
  var: z.array(z.string()).default([]),
  priority: priorityValue.default(500),
  failFast: z.boolean().default(false),
  reuse: z.boolean().default(true),
  cutoff: z.boolean().default(true),
};

const submissionSchema = z.object(submissionShape);

/** What of these is said to the coordinator. */
export function optionsOf(input: z.output<typeof submissionSchema>) {
  const { failFast, priority, reuse, cutoff } = input;
  return { keepGoing: !failFast, priority, reuse, cutoff };
}

export interface ConnectionInput {
  readonly server?: string | undefined;
  readonly namespace: string;
}
