/**
 * The journal as a standby follows it: living runs are kept folded, ended ones as what listings show of them. A leader
 * begins with what it has followed as a standby.
 *
 *   following ──entry──▶ folded ──▶ following …  ──stop──▶ stopped: what it holds changes no more
 *
 * Safe: 1. items are taken in the journal's order, one after the other, so with position n it shows all that was stored
 * up to n; 2. a run's states go through `RunReplay`, so what a deposed leader wrote is left out, and an entry that comes
 * again changes nothing. Live: 3. a run that can't be read holds up no other: it is left to the leader.
 */
import type { Logger } from "../../shared/actor/contract.ts";
import type { RunView } from "../../shared/model/api.ts";
import { MillraceError } from "../../shared/model/error.ts";
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
    const isComplete = await this.reached(await this.#stores.journal.lastSeq());
    this.stop();
    if (isComplete) return this;
    throw new MillraceError("unavailable", "the journal could not be followed to its end");
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
    if (last.removed === true) {
      this.ended.delete(entry.run);
      this.removed.add(entry.run);
    } else this.ended.set(entry.run, viewEndedRun(entry.run, last));
    return true;
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
    this.removed.delete(run);
    if (replay.missingEvents.length < (this.#manyEvents.get(run) ?? MANY_EVENTS)) return;
    replay.onEventsStored(await this.#stores.eventLog.lastSeq(run));
    this.#manyEvents.set(run, replay.missingEvents.length + MANY_EVENTS);
  }
}
