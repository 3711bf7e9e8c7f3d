/**
 * A run's journal, folded as it is read: the one place where entries become a run's state. A start, a standby that
 * follows, and a leader that reads what its predecessor wrote last all go through it.
 *
 *   empty ──first entry, its graph opened──▶ folding ──next entry──▶ folding …
 *
 * Safe: 1. an entry of an epoch older than its predecessor's is a deposed leader's: it is left out and counted; 2. an
 * entry that was read before changes nothing, so readings may overlap; 3. an entry that can't be read changes nothing
 * either: it is decoded whole before its first record is folded.
 */
import type { Codec } from "../../shared/actor/contract.ts";
import { MillraceError } from "../../shared/model/error.ts";
import type { RunEvent } from "../../shared/model/event.ts";
import { projectEvents } from "../core/event-projection.ts";
import type { RunRecord } from "../core/record.ts";
import { fold } from "../core/run-fold.ts";
import type { RunState } from "../core/run-state.ts";
import { corruptJournal, decodeRecords } from "./entry-records.ts";
import type { Entry } from "./journal.ts";
import { openSubmission, type SubmissionSources } from "./submission.ts";

export interface ReplaySources extends SubmissionSources {
  readonly codec: Codec;
}

/** A state, and the place in the journal up to which it holds. */
interface Resumed {
  readonly state: RunState;
  readonly seq: number;
  readonly epoch: number;
}

export class RunReplay {
  readonly run: string;
  readonly #sources: ReplaySources;
  #state: RunState | undefined;
  #seq = 0;
  #epoch = 0;
  #refused = 0;
  #lastStoredEvent: number;
  #missingEvents: RunEvent[] = [];
  #tail = 0;

  /** @param lastStoredEvent number of the run's last event in the event log: those behind it are collected */
  constructor(run: string, sources: ReplaySources, lastStoredEvent: number) {
    this.run = run;
    this.#sources = sources;
    this.#lastStoredEvent = lastStoredEvent;
  }

  /** Goes on from a snapshot instead of the first entry; the event log must have all events of it. */
  static resume(snapshot: Resumed, sources: ReplaySources, lastStoredEvent: number): RunReplay {
    const replay = new RunReplay(snapshot.state.run, sources, lastStoredEvent);
    replay.#state = snapshot.state;
    replay.#seq = snapshot.seq;
    replay.#epoch = snapshot.epoch;
    return replay;
  }

  /** The fold of what was applied; throws `notFound` before the first entry. */
  get state(): RunState {
    if (this.#state === undefined) throw new MillraceError("notFound", `there is no run ${this.run}`);
    return this.#state;
  }

  /** Sequence of the last entry applied, 0 before the first: where to read on, and what an append expects. */
  get seq(): number {
    return this.#seq;
  }

  /** The highest epoch that has written; above the reader's own, the reader is deposed. */
  get epoch(): number {
    return this.#epoch;
  }

  /** Entries left out because a deposed leader wrote them. */
  get refused(): number {
    return this.#refused;
  }

  /** How many records were folded: all, or those behind the snapshot that it went on from. */
  get tail(): number {
    return this.#tail;
  }

  /** Events of the records applied that the event log is not known to have. */
  get missingEvents(): readonly RunEvent[] {
    return this.#missingEvents;
  }

  /** The next entry of the run. Not to be called again before it has ended; only the first one has to wait. */
  async apply(entry: Entry): Promise<void> {
    if (entry.seq <= this.#seq) return;
    if (entry.epoch < this.#epoch) this.#refused += 1;
    else {
      const records = decodeRecords(entry, this.#sources.codec);
      this.#state ??= await this.#opened(records[0]);
      for (const record of records) this.#fold(this.#state, record);
      this.#tail += records.length;
      this.#epoch = entry.epoch;
    }
    this.#seq = entry.seq;
  }

  /** The event log has all events up to this one: they need not be kept. */
  onEventsStored(lastSeq: number): void {
    if (lastSeq <= this.#lastStoredEvent) return;
    this.#lastStoredEvent = lastSeq;
    this.#missingEvents = this.#missingEvents.filter((event) => event.seq > lastSeq);
  }

  async #opened(first: RunRecord | undefined): Promise<RunState> {
    if (first?.type !== "submitted") throw corruptJournal(this.run, `its first record is ${first?.type}`);
    return openSubmission(this.run, first, this.#sources);
  }

  #fold(state: RunState, record: RunRecord): void {
    const changes = fold(state, record);
    if (state.eventSeq <= this.#lastStoredEvent) return;
    const events = projectEvents(state, changes, record.at);
    for (const event of events) if (event.seq > this.#lastStoredEvent) this.#missingEvents.push(event);
  }
}
