/**
 * Brings a run back from the journal: its state, and the events that were not stored yet. It goes on from the run's last
 * snapshot where there is one that fits, and folds all entries otherwise.
 *
 * Safe: a snapshot fits only when the journal has its entry, of its epoch, and the event log all events up to it.
 */
import { MillraceError, reasonOf } from "../../shared/model/error.ts";
import type { RecordOf } from "../core/record.ts";
import { RunReader } from "../core/run-snapshot.ts";
import type { RunState } from "../core/run-state.ts";
import { corruptJournal, decodeRecords } from "./entry-records.ts";
import type { Entry, EventLog, Journal } from "./journal.ts";
import { type ReplaySources, RunReplay } from "./run-replay.ts";
import type { SnapshotPointer, Snapshots } from "./snapshots.ts";
import { openSubmission } from "./submission.ts";

export interface RunStores extends ReplaySources {
  readonly journal: Journal;
  readonly eventLog: EventLog;
  /** Without them every run is folded from its first entry. */
  readonly snapshots?: Snapshots | undefined;
}

/** Reads a run up to its end at the time of the call; `notFound` when there is none. */
export async function loadRun(run: string, from: RunStores): Promise<RunReplay> {
  const lastStoredEvent = await from.eventLog.lastSeq(run);
  const replay = (await resume(run, from, lastStoredEvent)) ?? new RunReplay(run, from, lastStoredEvent);
  for await (const entry of from.journal.read(run, replay.seq)) await replay.apply(entry);
  if (replay.seq === 0) throw new MillraceError("notFound", `there is no run ${run}`);
  return replay;
}

/** The run as its last snapshot has it; undefined when there is none that fits. */
async function resume(run: string, from: RunStores, lastStoredEvent: number): Promise<RunReplay | undefined> {
  const { snapshots } = from;
  const pointer = await snapshots?.find(run);
  if (snapshots === undefined || pointer === undefined) return undefined;
  try {
    const { seq, epoch } = pointer;
    const entry = await firstEntry(run, from, seq - 1);
    if (entry?.seq !== seq || entry.epoch !== epoch) throw new RangeError("the journal has no such entry");
    const state = await readSnapshot(run, from, snapshots, pointer);
    if (state.eventSeq > lastStoredEvent) throw new RangeError("its events are not all in the event log");
    return RunReplay.resume({ state, seq, epoch }, from, lastStoredEvent);
  } catch (error) {
    snapshots.leaveAside(run, reasonOf(error));
    return undefined;
  }
}

async function readSnapshot(
  run: string,
  from: RunStores,
  snapshots: Snapshots,
  pointer: SnapshotPointer,
): Promise<RunState> {
  const reader = new RunReader(await openSubmission(run, await readSubmitted(run, from), from));
  for await (const line of snapshots.lines(pointer)) reader.read(line);
  return reader.finish();
}

/** The first record of a run, which says all that was submitted. */
export async function readSubmitted(run: string, from: RunStores): Promise<RecordOf<"submitted">> {
  const entry = await firstEntry(run, from, 0);
  const first = entry === undefined ? undefined : decodeRecords(entry, from.codec)[0];
  if (first?.type === "submitted") return first;
  throw corruptJournal(run, "it does not begin with its submission");
}

async function firstEntry(run: string, { journal }: RunStores, afterSeq: number): Promise<Entry | undefined> {
  for await (const entry of journal.read(run, afterSeq)) return entry;
  return undefined;
}
