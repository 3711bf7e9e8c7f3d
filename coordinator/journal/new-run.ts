/**
 * The first record of a run, and the run as it makes it: of a graph that was submitted, or of an ended run that is
 * retried. A retry has the graph and the options of that run; what it carries over is in the record, so that the other
 * run need not be kept for it.
 */
import { MillraceError } from "../../shared/model/error.ts";
import { carriedJobs, isRetriable } from "../core/carry-over.ts";
import type { CarriedJob, RecordOf } from "../core/record.ts";
import { newRunState, type RunState } from "../core/run-state.ts";
import type { Documents } from "./documents.ts";
import { loadRun, type RunStores, readSubmitted } from "./run-loader.ts";
import { openSubmission } from "./submission.ts";
import { type GraphReference, openGraph } from "./submitted-graph.ts";

type Submitted = RecordOf<"submitted">;

/** What somebody asks for: a graph to run, or an ended run to retry with some of its options changed. */
export type Submission =
  | { readonly at: number; readonly graph: GraphReference; readonly options: Submitted["options"] }
  | { readonly at: number; readonly retryOf: string; readonly options: Partial<Submitted["options"]> };

export interface NewRunStores extends RunStores {
  readonly documents: Documents;
}

export interface NewRun {
  readonly submitted: Submitted;
  readonly state: RunState;
}

/** Makes the first record of a new run; what can't be run or retried is refused. */
export async function newRun(run: string, submission: Submission, stores: NewRunStores): Promise<NewRun> {
  if ("retryOf" in submission) {
    const submitted = await retry(submission, stores);
    return { submitted, state: await openSubmission(run, submitted, stores) };
  }
  const { graph: reference, options, at } = submission;
  const { spec, graph } = await openGraph(reference, stores.readGraph);
  const name = spec.name ?? null;
  const jobs = spec.jobs.length;
  const submitted: Submitted = { type: "submitted", at, name, graph: reference, jobs, options };
  return { submitted, state: newRunState(run, spec, graph, submitted) };
}

async function retry(
  { at, retryOf, options }: Extract<Submission, { retryOf: string }>,
  stores: NewRunStores,
): Promise<Submitted> {
  const { state } = await loadRun(retryOf, stores);
  if (state.endedAt === null) {
    throw new MillraceError("conflict", `run ${retryOf} has not ended`, {
      fix: `Wait for its end, or cancel it: millrace cancel ${retryOf}`,
    });
  }
  if (!isRetriable(state)) {
    throw new MillraceError("conflict", `nothing of run ${retryOf} failed, was blocked or cancelled`, {
      fix: "To run all of it again, submit its run file.",
    });
  }
  const earlier = await readSubmitted(retryOf, stores);
  const carried = await stored(carriedJobs(state), stores);
  return { ...earlier, at, options: { ...earlier.options, ...options }, retry: { of: retryOf, carried } };
}

/** Beside a graph in the same record, well below the largest message. */
const MAX_INLINE_BYTES = 64 * 1024;

async function stored(carried: CarriedJob[], { documents }: NewRunStores) {
  const bytes = Buffer.byteLength(JSON.stringify(carried));
  return bytes <= MAX_INLINE_BYTES ? { inline: carried } : { digest: await documents.store(carried) };
}
