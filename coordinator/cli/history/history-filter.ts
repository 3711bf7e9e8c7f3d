/** What the commands about history are asked for: which runs and jobs of all that are kept. */
import { z } from "zod";
import type { JobFilter, JobView, RunView } from "../../../shared/client/index.ts";
import { MillraceError } from "../../../shared/model/error.ts";
import { givenEnvironment } from "../../readers/packages/build-environment.ts";
import { momentValue, wholeNumber } from "../option-values.ts";

/** How many are listed of all runs unless it is said. */
const DEFAULT_LIMIT = 50;

/** The options that these commands have in common. */
export const historyShape = {
  package: z.string().min(1).optional(),
  image: z.string().min(1).optional(),
  env: z.array(z.string()).default([]),
  agent: z.string().min(1).optional(),
  olderThan: momentValue.optional(),
  newerThan: momentValue.optional(),
  limit: wholeNumber(0, Number.MAX_SAFE_INTEGER).optional(),
  csv: z.boolean().default(false),
  json: z.boolean().default(false),
};

const historySchema = z.object(historyShape);
export type HistoryInput = z.output<typeof historySchema>;

/** At most so many; 0 is all, as it is of one run that is named. */
export function limitOf({ limit }: Pick<HistoryInput, "limit">, run?: string): number {
  return limit ?? (run === undefined ? DEFAULT_LIMIT : 0);
}

/** Between two moments, neither of which is part of it. */
export interface Period {
  readonly afterMs: number;
  readonly beforeMs: number;
}

export const everything: Period = {
  afterMs: Number.NEGATIVE_INFINITY,
  beforeMs: Number.POSITIVE_INFINITY,
};

/** The period that `--newer-than` and `--older-than` leave. */
export function periodOf({ newerThan, olderThan }: HistoryInput, nowMs: number): Period {
  return {
    afterMs: newerThan?.(nowMs).getTime() ?? Number.NEGATIVE_INFINITY,
    beforeMs: olderThan?.(nowMs).getTime() ?? Number.POSITIVE_INFINITY,
  };
}

export function isWithin({ afterMs, beforeMs }: Period, at: string): boolean {
  const atMs = Date.parse(at);
  return atMs > afterMs && atMs < beforeMs;
}

/** Whether a job of the run may have begun then: none does before it is submitted or after it has ended. */
export function mayHaveJobsWithin({ afterMs, beforeMs }: Period, { submittedAt, endedAt }: RunView): boolean {
  const endMs = endedAt === null ? Number.POSITIVE_INFINITY : Date.parse(endedAt);
  return Date.parse(submittedAt) < beforeMs && endMs > afterMs;
}

/** What is asked of jobs, as the coordinator takes it; undefined when nothing is. */
export function jobFilterOf(
  { package: named, image, env, agent }: HistoryInput,
  around: NodeJS.ProcessEnv,
): JobFilter | undefined {
  const { pairs, mistakes } = givenEnvironment(env, around);
  if (mistakes.length > 0) throw new MillraceError("badInput", `--env ${mistakes.join("; ")}`);
  const filter: JobFilter = {
    // Jobs of a package are called `zlib 1.3 (debian:12)`.
    ...(named === undefined ? {} : { namePrefix: `${named} ` }),
    ...(image === undefined ? {} : { image }),
    ...(pairs.length === 0 ? {} : { env: pairs }),
    ...(agent === undefined ? {} : { agent }),
  };
  return Object.keys(filter).length === 0 ? undefined : filter;
}

/** A coordinator that does not know these filters gives all jobs, and tells the image of none. */
export function refuseUnfiltered(
  { image }: JobView,
  { image: asked, env, agent, namePrefix }: JobFilter,
): void {
  const isFiltered =
    asked !== undefined || env !== undefined || agent !== undefined || namePrefix !== undefined;
  if (image !== undefined || !isFiltered) return;
  throw new MillraceError("unavailable", "the coordinator is of a version that can't filter jobs", {
    fix: "Upgrade it, or ask without --package, --image, --env and --agent.",
  });
}
