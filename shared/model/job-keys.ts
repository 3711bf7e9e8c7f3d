/** What a job is known by from one run to another. */
import { hash } from "node:crypto";
import type { JobSpec } from "./job-spec.ts";

/** Two different jobs have the same key with a probability of 1 in 10^14. */
export interface JobKeys {
  /** Of its name and what it runs. */
  readonly definition: number;
  /** Of its name alone. */
  readonly name: number;
}

/** Of a key, which is a whole number. */
export const JOB_KEY_BYTES = 6;

/** A job is the same when its name is, and what it runs: the command, and the image. */
export function keysOf({ name, run, image }: Pick<JobSpec, "name" | "run" | "image">): JobKeys {
  return { definition: keyOf(JSON.stringify([name, run, image ?? null])), name: keyOf(name) };
}

function keyOf(text: string): number {
  return Number.parseInt(hash("sha256", text).slice(0, 2 * JOB_KEY_BYTES), 16);
}
