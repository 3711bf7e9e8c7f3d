import { projectEvents } from "../../coordinator/core/event-projection.ts";
import type { RunRecord } from "../../coordinator/core/record.ts";
import { fold } from "../../coordinator/core/run-fold.ts";
import { writeRun } from "../../coordinator/core/run-snapshot.ts";
import { newRunState } from "../../coordinator/core/run-state.ts";
import type { EventLog, Journal } from "../../coordinator/journal/journal.ts";
import type { Snapshots } from "../../coordinator/journal/snapshots.ts";
import { MessageCodec } from "../../shared/actor/message-codec.ts";
import { runOptionsSchema } from "../../shared/model/api.ts";
import type { RunEvent } from "../../shared/model/event.ts";
import { compileGraph } from "../../shared/model/graph.ts";
import { graphSpecSchema, type JobSpecInput } from "../../shared/model/job-spec.ts";
import { resultOf, succeeded } from "./run-driver.ts";

/** Records in one entry, as a busy coordinator groups them. */
const ENTRY_RECORDS = 10;
const EVENTS_PER_MESSAGE = 1_000;

export interface HalfDoneRun {
  readonly run: string;
  readonly jobs: readonly JobSpecInput[];
  /** Digest of the stored graph. */
  readonly graph: string;
  /** The first jobs, in file order, that have succeeded. */
  readonly finished: number;
  /** Jobs behind them that are with agents which are not there any more. */
  readonly leased: number;
  /** About so many records are not in the last snapshot; without it there is none. */
  readonly tail?: number;
}

interface Stores {
  readonly journal: Journal;
  readonly eventLog: EventLog;
  readonly snapshots: Snapshots;
}

/** Writes the journal, the events and a snapshot of a run that has come half way, as its coordinator would have. */
export async function storeHalfDoneRun(half: HalfDoneRun, stores: Stores): Promise<void> {
  const { run, jobs } = half;
  const codec = new MessageCodec();
  const spec = graphSpecSchema.parse({ jobs });
  const compilation = compileGraph(spec);
  if (!compilation.ok) throw new Error("the graph is not valid");
  const records = recordsOf(half);
  const [submitted] = records;
  if (submitted?.type !== "submitted") throw new Error("a run begins with its submission");
  const state = newRunState(run, spec, compilation.graph, submitted);
  const { epoch } = await stores.journal.claimEpoch("half-done", await stores.journal.lastEpoch());
  const events: RunEvent[] = [];
  const snapshotAt = half.tail === undefined ? 0 : records.length - half.tail;
  let expectedSeq = 0;
  for (let from = 0; from < records.length; from += ENTRY_RECORDS) {
    const entry = records.slice(from, from + ENTRY_RECORDS);
    for (const record of entry) events.push(...projectEvents(state, fold(state, record), record.at));
    const append = { run, epoch, batch: `${run}-${from}`, expectedSeq, payload: codec.encode(entry) };
    expectedSeq = (await stores.journal.append(append)).seq;
    if (from < snapshotAt && from + ENTRY_RECORDS >= snapshotAt) {
      const packed = await stores.snapshots.pack(writeRun(state));
      await stores.snapshots.keep(run, packed, { seq: expectedSeq, epoch });
    }
  }
  for (let from = 0; from < events.length; from += EVENTS_PER_MESSAGE) {
    await stores.eventLog.store(run, from + 1, events.slice(from, from + EVENTS_PER_MESSAGE));
  }
}

function recordsOf({ jobs, graph, finished, leased }: HalfDoneRun): RunRecord[] {
  const start = Date.now() - jobs.length;
  const options = runOptionsSchema.parse({});
  const records: RunRecord[] = [
    { type: "submitted", at: start, name: null, graph: { digest: graph }, jobs: jobs.length, options },
  ];
  for (let job = 0; job < finished + leased; job++) {
    const of = { at: start + job, job, attempt: 1 };
    const agent = job < finished ? `host-${job % 16}` : `silent-${job % 4}`;
    const lease = `${job}`.padStart(22, "abcdefghijklmnopqrstuv");
    records.push({ type: "assigned", ...of, agent, incarnation: `${agent}-1`, lease });
    if (job >= finished) records.push({ type: "started", ...of });
    else {
      const artifact = { digest: job.toString(16).padStart(64, "0123456789abcdef"), files: 1, bytes: job };
      const result = { ...resultOf(succeeded, artifact), cpuMs: 10 };
      records.push({ type: "finished", ...of, result, retryDelayMs: null });
    }
  }
  return records;
}
