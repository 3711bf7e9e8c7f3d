/** A run as its first record makes it: its graph, and what a retry carries over from an earlier run. */
import { z } from "zod";
import { carriedJobSchema, type RecordOf } from "../core/record.ts";
import { newRunState, type RunState } from "../core/run-state.ts";
import type { Documents } from "./documents.ts";
import { corruptJournal } from "./entry-records.ts";
import { type ReadGraph, reopenGraph } from "./submitted-graph.ts";

/** Where long parts of a submission are read from. */
export interface SubmissionSources {
  readonly readGraph: ReadGraph;
  readonly documents: Pick<Documents, "read">;
}

/** The run before its first record, which is in a journal, is folded. */
export async function openSubmission(
  run: string,
  submitted: RecordOf<"submitted">,
  { readGraph, documents }: SubmissionSources,
): Promise<RunState> {
  const { spec, graph } = await reopenGraph(submitted.graph, readGraph);
  const carried = submitted.retry?.carried;
  if (carried === undefined || "inline" in carried) {
    return newRunState(run, spec, graph, submitted, carried?.inline);
  }
  const parsed = z.array(carriedJobSchema).safeParse(await documents.read(carried.digest));
  if (!parsed.success) throw corruptJournal(run, `its list of carried jobs, ${carried.digest}, is not valid`);
  return newRunState(run, spec, graph, submitted, parsed.data);
}
