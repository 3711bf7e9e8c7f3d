/**
 * The journal as a standby follows it: living runs are kept folded, ended ones as what listings show of them. A leader
 * begins with what it has followed as a standby.
 *
 *   following ──entry──▶ folded ──▶ following …  ──stop──▶ stopped: what it holds changes no more
 *
 * Safe: 1. items are taken in the journal's order, one after the other, so with position n it shows all that was stored
 * up to n; 2. a run's states go through `RunReplay`, so what a deposed leader wrote is left out, and an entry that comes
 * again changes nothing; 3. what is handed over is compared with the last entry of each run: that a run was removed may
 * have been missed, as its entries go soon after. Live: 4. a run that can't be read holds up no other: it is left to the
 * leader.
 */
import type { Logger } from "../../shared/actor/contract.ts";
import type { RunView } from "../../shared/model/api.ts";
import { MillraceError } from "../../shared/model/error.ts";
import { standingOf } from "../core/retention.ts";
import { viewEndedRun, viewRun } from "../core/run-view.ts";
import { decodeRecords } from "./entry-records.ts";
import type { Entry } from "./journal.ts";
import { loadRun, type RunStores } from "./run-loader.ts";
import type { RunReplay } from "./run-replay.ts";

/** The runs of a namespace as the journal has them. */
export interface FollowedRuns {
  /** Undefined for one that could not be read. Emptied by who takes them over, as it may lead for months. */
  readonly living: Map<string, RunReplay | undefined>;
  readonly ended: Map<string, RunView>;
  /** Given up: what is left of them is to be removed before their ids can be used again. */
  readonly removed: ReadonlySet<string>;
}

/** Events of a run kept for a takeover before the event log is asked which of them it has: there may be many runs. */
const MANY_EVENTS = 1_000;

export class JournalFollower implements FollowedRuns {
  readonly living = new Map<string, RunReplay | undefined>();
  readonly ended = new Map<string, RunView>();
  /** Known when it is finished. */
  readonly removed = new Set<string>();
  readonly #stores: RunStores;
  readonly #log: Logger;
  readonly #onClaim: (epoch: number) => void;
  readonly #end = new AbortController();
  /** Number of kept events at which the event log is asked again. */
  readonly #manyEvents = new Map<string, number>();
  #waiting: { readonly seq: number; readonly resolve: (isReached: boolean) => void }[] = [];
  #position = 0;

  constructor(stores: RunStores, log: Logger, onClaim: (epoch: number) => void) {
    this.#stores = stores;
    this.#log = log;
    this.#onClaim = onClaim;
  }

  /** Sequence up to which the journal has been taken in. */
  get position(): number {
    return this.#position;
  }

  /** Stopped, or the journal could not be read any more. */
  get hasEnded(): boolean {
    return this.#end.signal.aborted;
  }

  /** Resolves once it is stopped; rejects when the journal can't be read any more. */
  async follow(): Promise<void> {
    const { signal } = this.#end;
    try {
      for await (const item of this.#stores.journal.follow(signal)) {
        if (item.kind === "claim") this.#onClaim(item.epoch);
        else await this.#take(item.entry);
        if (signal.aborted) return;
        this.#moveTo(item.seq);
      }
    } finally {
      this.stop();
    }
  }

  /** Resolves when it has come to a place in the journal: with false when it will not. */
  reached(seq: number): Promise<boolean> {
    if (this.#position >= seq) return Promise.resolve(true);
    if (this.#end.signal.aborted) return Promise.resolve(false);
    return new Promise((resolve) => this.#waiting.push({ seq, resolve }));
  }

  /** Comes to the journal's end, stops, and hands over what it holds. */
  async finish(): Promise<FollowedRuns> {
    const { journal } = this.#stores;
    const isComplete = await this.reached(await journal.lastSeq());
    this.stop();
    if (!isComplete) {
      throw new MillraceError("unavailable", "the journal could not be followed to its end");
    }
    this.#compare(await journal.lastOfEachRun());
    return this;
  }

  /** Forgets runs of which the journal has nothing any more. */
  async forgetPurged(): Promise<void> {
    const known = [...this.living.keys(), ...this.ended.keys()];
    this.#forgetMissing(known, await this.#stores.journal.lastOfEachRun());
  }

  stop(): void {
    this.#end.abort();
    for (const { resolve } of this.#waiting.splice(0)) resolve(false);
  }

  #moveTo(seq: number): void {
    this.#position = seq;
    this.#waiting = this.#waiting.filter((waiting) => {
      if (waiting.seq <= seq) waiting.resolve(true);
      return waiting.seq > seq;
    });
  }

  async #take(entry: Entry): Promise<void> {
    const { run } = entry;
    try {
      const followed = this.living.get(run);
      if (followed !== undefined) await followed.apply(entry);
      else if (this.living.has(run)) return;
      else if (this.#takeEnded(entry)) return;
      await this.#keep(followed ?? (await loadRun(run, this.#stores)));
    } catch (error) {
      if (this.#end.signal.aborted) return;
      this.#log.warn({ run, error: String(error) }, "a run in the journal can't be followed");
      this.living.set(run, undefined);
    }
  }

  /** Whether the entry closes its run: then nothing else of it has to be read. */
  #takeEnded(entry: Entry): boolean {
    const last = decodeRecords(entry, this.#stores.codec).at(-1);
    if (last?.type !== "ended") return false;
    if (last.removed === true) this.ended.delete(entry.run);
    else this.ended.set(entry.run, viewEndedRun(entry.run, last));
    return true;
  }

  /** With the last entry of each run: it holds none that is not there, and knows those that are being removed. */
  #compare(lastEntries: readonly Entry[]): void {
    this.#forgetMissing([...this.living.keys(), ...this.ended.keys()], lastEntries);
    for (const entry of lastEntries) {
      const { run, seq } = entry;
      const followed = this.living.get(run);
      // Its last entries have gone: it is read again by who takes it over.
      if (followed !== undefined && followed.seq > seq) this.living.set(run, undefined);
      if (this.living.has(run) || this.ended.has(run)) continue;
      if (this.#isRemoved(entry)) this.removed.add(run);
      else this.living.set(run, undefined);
    }
  }

  #isRemoved(entry: Entry): boolean {
    try {
      return standingOf(decodeRecords(entry, this.#stores.codec)) === "removed";
    } catch {
      // Who takes it over finds out why it can't be read.
      return false;
    }
  }

  #forgetMissing(known: readonly string[], lastEntries: readonly Entry[]): void {
    const there = new Set(lastEntries.map(({ run }) => run));
    for (const run of known) {
      if (there.has(run)) continue;
      this.living.delete(run);
      this.ended.delete(run);
      this.#manyEvents.delete(run);
    }
  }

  async #keep(replay: RunReplay): Promise<void> {
    const { run, state } = replay;
    if (state.endedAt !== null) {
      this.living.delete(run);
      this.#manyEvents.delete(run);
      this.ended.set(run, viewRun(state));
      return;
    }
    this.living.set(run, replay);
    // An earlier one of that id, which was removed; that it was may have been missed.
    this.ended.delete(run);
    if (replay.missingEvents.length < (this.#manyEvents.get(run) ?? MANY_EVENTS)) return;
    replay.onEventsStored(await this.#stores.eventLog.lastSeq(run));
    this.#manyEvents.set(run, replay.missingEvents.length + MANY_EVENTS);
  }
}
