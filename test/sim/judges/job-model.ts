/** What the stored records say of one job, and how judges complain. */
import type { JobSpec } from "../../../shared/model/job-spec.ts";
import type { AttemptResult } from "../../../shared/model/outcome.ts";

/** How a job ended, as dependants see it. `mixed`: skipped or bad, by the order in which its needs ended. */
export type Ending = "good" | "bad" | "skipped" | "mixed";

export interface LeaseModel {
  readonly attempt: number;
  readonly agent: string;
  readonly lease: string;
  readonly assignedMs: number;
  endedMs: number;
  isOver: boolean;
  /** Its agent has said that it has ended, or gives it back. */
  isReported: boolean;
  wasGivenBack: boolean;
  hasStarted: boolean;
  result: AttemptResult | undefined;
}

export interface JobModel {
  readonly index: number;
  readonly spec: JobSpec;
  readonly needs: readonly JobModel[];
  readonly leases: LeaseModel[];
  ending: Ending | undefined;
  /** The accepted outcome, where a record says that it is its last one. */
  phase: "succeeded" | "failed" | "cancelled" | undefined;
  isCancelRequested: boolean;
  priority: number;
  /** It was held at some time, so that it may have been ended for that. */
  wasHeld: boolean;
  /** Since when it waits for a slot, by the clock of the records; null before that. */
  readyAt: number | null;
  /** Of the artifact that it has from the run that this one retries. */
  carriedDigest: string | undefined;
  /** When a result was reused for it. */
  reusedMs: number | undefined;
}

/** The digest that everybody who needs the job has to see; undefined where it left nothing. */
export function acceptedDigest({ phase, leases, carriedDigest }: JobModel): string | undefined {
  return phase === "succeeded" ? (carriedDigest ?? leases.at(-1)?.result?.artifact?.digest) : undefined;
}

/** What a job looks into: what it needs, and all that a transitive need has needed. */
export function inputJobs(job: JobModel): ReadonlySet<JobModel> {
  const reached = new Set<JobModel>();
  const open = job.needs.filter((_, index) => job.spec.needs[index]?.transitive);
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (reached.has(next)) continue;
    reached.add(next);
    open.push(...next.needs);
  }
  return new Set([...job.needs, ...reached]);
}

/** Says what is wrong. */
export type Complain = (promise: string, what: string) => void;
