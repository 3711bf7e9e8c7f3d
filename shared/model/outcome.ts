/** How an attempt ended, and what was measured of it. A failed attempt is a result, not an error. */
import { z } from "zod";
import { digestSchema } from "./job-spec.ts";
import { formatBytes } from "./size.ts";

export const failureReasonSchema = z.enum([
  "missingOutput",
  "badOutput",
  "image",
  "engine",
  "inputs",
  "workspace",
  "unschedulable",
]);

export const outcomeSchema = z.union([
  z.strictObject({ kind: z.literal("succeeded") }),
  z.strictObject({ kind: z.literal("failed"), reason: z.literal("exit"), exitCode: z.number().int() }),
  z.strictObject({ kind: z.literal("failed"), reason: z.literal("signal"), signal: z.string() }),
  /** The command did not decide: something around it was missing or wrong; `message` says what. */
  z.strictObject({ kind: z.literal("failed"), reason: failureReasonSchema, message: z.string() }),
  z.strictObject({
    kind: z.literal("timeout"),
    limit: z.enum(["run", "queue", "noOutput"]),
    limitMs: z.number(),
  }),
  z.strictObject({ kind: z.literal("outOfMemory"), limitBytes: z.number().nullable() }),
  /** No report came and none can come any more: its agent or process is gone. */
  z.strictObject({ kind: z.literal("lost"), message: z.string() }),
  z.strictObject({ kind: z.literal("cancelled") }),
]);
export type Outcome = z.infer<typeof outcomeSchema>;

/** A stored artifact: the digest of its manifest, how many entries it has and their bytes. */
export const artifactSchema = z.strictObject({
  digest: digestSchema,
  files: z.number().int().min(0),
  bytes: z.number().int().min(0),
});
export type Artifact = z.infer<typeof artifactSchema>;

/** Where an attempt really ran: which image its container was made of, or on what kind of host. */
export const ranOnSchema = z.union([
  z.strictObject({ image: z.string().min(1).max(200) }),
  z.strictObject({ host: z.string().min(1).max(200) }),
]);
export type RanOn = z.infer<typeof ranOnSchema>;

/** What an agent reports of an ended attempt beside its result, whose form version 0.1 has fixed. */
export const evidenceFields = {
  /** Absent where nothing ran, or that could not be told. */
  ranOn: ranOnSchema.optional(),
  /** It succeeded, but no line of its log says so though marks were to be read. */
  implicit: z.boolean().optional(),
};
export type Evidence = z.infer<z.ZodObject<typeof evidenceFields>>;

/** How far a job says it is, by the marks in its log; null: not said. */
export const progressSchema = z.object({
  phase: z.string().max(200).nullable(),
  percent: z.number().int().min(0).max(100).nullable(),
});
export type Progress = z.infer<typeof progressSchema>;

/** What an agent reports of an ended attempt. Durations are by the agent's monotonic clock; null: not measured. */
export const attemptResultSchema = z.strictObject({
  outcome: outcomeSchema,
  wallMs: z.number().min(0).nullable(),
  cpuMs: z.number().min(0).nullable(),
  peakMemoryBytes: z.number().min(0).nullable(),
  artifact: artifactSchema.nullable(),
  /** Length of the attempt's whole log, so that a reader knows when it has all. */
  logBytes: z.number().int().min(0),
});
export type AttemptResult = z.infer<typeof attemptResultSchema>;

/** What marks have said, for people: `build, 40 %`. */
export function describeProgress({ phase, percent }: Progress): string {
  const parts = [...(phase === null ? [] : [phase]), ...(percent === null ? [] : [`${percent} %`])];
  return parts.length === 0 ? "nothing said" : parts.join(", ");
}

/** All that an agent reports of an ended attempt. */
export interface EndedAttempt extends Evidence {
  readonly result: AttemptResult;
}

/** The outcome as one clause for people: `exit status 2`, `killed by SIGSEGV`, `no output for 30 s`. */
export function describeOutcome(outcome: Outcome): string {
  switch (outcome.kind) {
    case "succeeded":
      return "succeeded";
    case "failed":
      if (outcome.reason === "exit") return `exit status ${outcome.exitCode}`;
      if (outcome.reason === "signal") return `killed by ${outcome.signal}`;
      return outcome.message;
    case "timeout":
      return describeTimeout(outcome.limit, outcome.limitMs);
    case "outOfMemory":
      return outcome.limitBytes === null
        ? "out of memory"
        : `out of memory (limit ${formatBytes(outcome.limitBytes)})`;
    case "lost":
      return `lost: ${outcome.message}`;
    case "cancelled":
      return "cancelled";
  }
}

function describeTimeout(limit: "run" | "queue" | "noOutput", limitMs: number): string {
  const seconds = `${limitMs / 1000} s`;
  if (limit === "run") return `ran longer than ${seconds}`;
  if (limit === "queue") return `waited longer than ${seconds} for a slot`;
  return `no output for ${seconds}`;
}
