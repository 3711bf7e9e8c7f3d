/** Brings a run back from the journal: graph, fold of all its records, and the events that were not stored yet. */
import type { Codec } from "../../shared/actor/contract.ts";
import { MillraceError } from "../../shared/model/error.ts";
import type { RunEvent } from "../../shared/model/event.ts";
import { compileGraph, describeGraphProblem, type Graph } from "../../shared/model/graph.ts";
import { type GraphSpec, graphSpecSchema } from "../../shared/model/job-spec.ts";
import { projectEvents } from "../core/event-projection.ts";
import { type RecordOf, type RunRecord, runRecordsSchema } from "../core/record.ts";
import { fold } from "../core/run-fold.ts";
import { newRunState, type RunState } from "../core/run-state.ts";
import type { Entry, EventLog, Journal } from "./journal.ts";

/** Reads a stored graph by its digest. */
export type ReadGraph = (digest: string) => Promise<unknown>;

export interface LoadedRun {
  readonly state: RunState;
  /** Sequence of the run's last entry. */
  readonly seq: number;
  /** The highest epoch that has written; above the reader's own, the reader is deposed. */
  readonly epoch: number;
  /** Records whose epoch was older than their predecessor's: written by a deposed leader, left out. */
  readonly refused: number;
  /** Events of stored records that had not reached the event log. */
  readonly missingEvents: readonly RunEvent[];
}

export type GraphReference = RecordOf<"submitted">["graph"];

export interface OpenedGraph {
  readonly spec: GraphSpec;
  readonly graph: Graph;
}

/** Fetches, validates and compiles the graph of a submission; what is wrong with it is a `badInput`. */
export async function openGraph(reference: GraphReference, readGraph: ReadGraph): Promise<OpenedGraph> {
  let spec: GraphSpec;
  if ("inline" in reference) spec = reference.inline;
  else {
    const parsed = graphSpecSchema.safeParse(await readGraph(reference.digest));
    if (!parsed.success) {
      const [issue] = parsed.error.issues;
      const where = issue?.path.join(".") ?? "";
      throw new MillraceError(
        "badInput",
        `the graph is not valid at ${where}: ${issue?.message ?? "unknown"}`,
      );
    }
    spec = parsed.data;
  }
  refuseLargeJobs(spec);
  const compilation = compileGraph(spec);
  if (compilation.ok) return { spec, graph: compilation.graph };
  const shown = compilation.problems.slice(0, 10).map((problem) => describeGraphProblem(problem, spec));
  throw new MillraceError("badInput", `the graph is not valid: ${shown.join("; ")}`);
}

/** A job request has to fit into a message, with room for the rest of it. */
const MAX_JOB_BYTES = 256 * 1024;

function refuseLargeJobs(spec: GraphSpec): void {
  for (const { name, run, env, outputs } of spec.jobs) {
    const words = "script" in run ? [run.script] : run.argv;
    let bytes = 0;
    for (const text of words) bytes += Buffer.byteLength(text);
    for (const [key, value] of env) bytes += Buffer.byteLength(key) + Buffer.byteLength(value);
    for (const glob of outputs) bytes += Buffer.byteLength(glob);
    if (bytes <= MAX_JOB_BYTES) continue;
    throw new MillraceError(
      "badInput",
      `the job ${JSON.stringify(name)} is of ${bytes} bytes, more than ${MAX_JOB_BYTES}`,
      {
        fix: "Put long scripts and data into files and name them in `sources`.",
      },
    );
  }
}

export async function loadRun(
  run: string,
  from: { journal: Journal; eventLog: EventLog; codec: Codec; readGraph: ReadGraph },
): Promise<LoadedRun> {
  const lastStored = await from.eventLog.lastSeq(run);
  const missingEvents: RunEvent[] = [];
  let state: RunState | undefined;
  let seq = 0;
  let epoch = 0;
  let refused = 0;
  for await (const entry of from.journal.read(run)) {
    seq = entry.seq;
    if (entry.epoch < epoch) {
      refused += 1;
      continue;
    }
    epoch = entry.epoch;
    for (const record of decodeRecords(entry, from.codec)) {
      if (state === undefined) {
        if (record.type !== "submitted") throw corrupt(run, `its first record is ${record.type}`);
        const { spec, graph } = await openGraph(record.graph, from.readGraph);
        state = newRunState(run, spec, graph, record);
      }
      const changes = fold(state, record);
      if (state.eventSeq <= lastStored) continue;
      const events = projectEvents(state, changes, record.at);
      missingEvents.push(...events.filter((event) => event.seq > lastStored));
    }
  }
  if (state === undefined) throw new MillraceError("notFound", `there is no run ${run}`);
  return { state, seq, epoch, refused, missingEvents };
}

/** The records of one entry, validated. */
export function decodeRecords(entry: Entry, codec: Codec): RunRecord[] {
  const parsed = runRecordsSchema.safeParse(codec.decode(entry.payload));
  if (parsed.success) return parsed.data;
  throw corrupt(
    entry.run,
    `entry ${entry.seq} holds no valid records: ${parsed.error.issues[0]?.message ?? ""}`,
  );
}

function corrupt(run: string, what: string): MillraceError {
  const fix = "it may have been written by a newer version; upgrade the coordinator";
  return new MillraceError("corrupt", `the journal of run ${run} can't be read: ${what}`, { fix });
}
