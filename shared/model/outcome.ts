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
