/**
 * One collection: gives up runs that have expired, removes what they left in the streams, and then every object and
 * chunk that no run refers to and nobody has announced for long enough. Made by the leader, in slices.
 *
 *   condemning ──▶ (settling) ──▶ confirming ──▶ removing ──▶ marking ──▶ sweeping entries ──▶ sweeping chunks
 *
 * condemning: a run that expired gets a last entry that says `removed`, by compare-and-set: from then on no
 * coordinator knows it, a standby that follows the journal included. confirming: the leader reads that it still leads.
 * removing: logs, events, then the journal of each condemned run, each up to a sequence taken before confirming.
 * marking: whatever looks like a digest in the journal of any run that is left goes into a filter of fixed size.
 * sweeping: entries whose digest is not in the filter go, one sequence each; then chunks that no entry names.
 *
 * Safe, also against a leader that is deposed and does not know, or is paused for however long at any point:
 *  1. A living run is never condemned: only `ended` is ever followed by `removed`, by its exact sequence.
 *  2. Whoever leads next reads the journal after its claim, so it knows what was condemned before `confirming`: it
 *     carries nothing over from those runs. All others are marked, so what it may carry over stays.
 *  3. A run that is being retried when it would be removed stays until the next collection, and is marked: the first
 *     record of the retry may be on its way for as long as a server is away. Any other reference is made after an
 *     announcement: the entry is younger than the age, or has another sequence.
 *  4. A removal of a run reaches no higher than the sequences of before `confirming`, and a run of the same name can
 *     only be submitted after it: the new one's messages are out of reach. A deposed leader may have emptied the
 *     journal sooner: so a leader refuses the id until `onAllRemoved`, whatever the journal says.
 *  5. Nothing is swept when any run could not be read.
 *  6. A chunk goes when no entry names its nuid and it is older than the age: an upload takes less.
 * Live: a run half removed still has its journal, whose last entry says `removed`: the next collection, whoever makes
 * it, goes on with it. Chunks whose entry is gone are found by the next sweep.
 */
import type { Codec } from "../../shared/actor/contract.ts";
import { MillraceError } from "../../shared/model/error.ts";
import type { ListedEntry } from "../../shared/store/object-inventory.ts";
import type { RunRecord } from "../core/record.ts";
import { fingerprintOf, type ReferenceFilter } from "../core/reference-filter.ts";
import { type EndedRun, expiredRuns, type RetentionPolicy, standingOf } from "../core/retention.ts";
import { decodeRecords } from "../journal/entry-records.ts";
import type { Entry } from "../journal/journal.ts";
import type { CollectionStores } from "./collection-stores.ts";
import type { RunReferences } from "./run-references.ts";

export type CollectionPhase =
  | "condemning"
  | "settling"
  | "confirming"
  | "removing"
  | "marking"
  | "sweepingEntries"
  | "sweepingChunks"
  | "done";

export interface CollectionOrder {
  readonly policy: RetentionPolicy;
  /** Objects that nobody refers to are kept for so long after they were last announced. */
  readonly unreferencedForMs: number;
  /** Finds what would go, and removes nothing. */
  readonly isDryRun: boolean;
}

/** How far a collection is; it changes while it goes on. */
export interface CollectionProgress {
  phase: CollectionPhase;
  /** Given up by this collection, or to be. */
  readonly runs: string[];
  keptRuns: number;
  markedRuns: number;
  seenObjects: number;
  /** Removed, or to be. */
  objects: number;
  seenChunks: number;
  chunks: number;
  bytes: number;
}

export interface CollectionMeans {
  readonly epoch: number;
  readonly stores: CollectionStores;
  readonly references: RunReferences;
  readonly codec: Codec;
  readonly progress: CollectionProgress;
  /** By this leader's clock, which the records' times come from. */
  readonly now: () => number;
  readonly newId: () => string;
  readonly newFilter: () => ReferenceFilter;
  /** The runs are to be forgotten; they can't be submitted again yet. */
  readonly onCondemned: (runs: readonly string[]) => void;
  /** Whether a retry of the run has begun whose first record is not stored yet. */
  readonly isRetried: (run: string) => boolean;
  /** Nothing is left of any run that was given up: ids may be used again. */
  readonly onAllRemoved: () => void;
}

/** A slice is done; the next one should begin no sooner. */
export interface Slice {
  readonly pauseMs: number;
}

export function newProgress(): CollectionProgress {
  const counts = {
    keptRuns: 0,
    markedRuns: 0,
    seenObjects: 0,
    objects: 0,
    seenChunks: 0,
    chunks: 0,
    bytes: 0,
  };
  return { phase: "condemning", runs: [], ...counts };
}

/** What was asked of a run before it was condemned is done by then. */
const SETTLE_MS = 5_000;
/** Clocks that differ by more tell no age. */
const CLOCK_TOLERANCE_MS = 3600_000;
const SLICE_MESSAGES = 500;
const NO_PAUSE: Slice = { pauseMs: 0 };
/** Names of objects that are ours to collect. */
const namePattern = /^([a-z]+)\/([0-9a-f]{64})$/;

/** Carries one collection out; throws `deposed` when another coordinator leads. */
export async function* collect(order: CollectionOrder, means: CollectionMeans): AsyncGenerator<Slice> {
  const { stores, progress } = means;
  const serverNow = await stores.now();
  if (Math.abs(serverNow - means.now()) > CLOCK_TOLERANCE_MS) {
    throw new MillraceError("conflict", "the clocks of this host and of the NATS server differ by hours", {
      fix: "Set the clocks: nothing is collected while the age of things can't be told.",
    });
  }
  const gone = yield* giveUpRuns(order, means);
  const filter = means.newFilter();
  progress.phase = "marking";
  const oldestNeededMs = yield* markRuns(gone, filter, means);
  const olderThanMs = serverNow - order.unreferencedForMs;
  const nuids = yield* sweepEntries(order, means, { filter, olderThanMs, oldestNeededMs });
  yield* sweepChunks(order, means, { nuids, olderThanMs });
  progress.phase = "done";
}

/** Condemns and removes; gives the runs that do not count any more. */
async function* giveUpRuns(
  order: CollectionOrder,
  means: CollectionMeans,
): AsyncGenerator<Slice, Set<string>> {
  const { stores, progress } = means;
  const { ended, removed, living } = classify(await stores.lastOfEachRun(), means.codec);
  const expired = expiredRuns(ended, order.policy, means.now());
  progress.keptRuns = ended.length - expired.length + living;
  // Condemned before, perhaps by a leader that was deposed already: then this one knows them still.
  progress.runs.push(...removed);
  if (order.isDryRun) {
    progress.runs.push(...expired.map(({ run }) => run));
    return new Set(progress.runs);
  }
  for (const run of expired) {
    if (await condemn(run, means)) progress.runs.push(run.run);
    yield NO_PAUSE;
  }
  if (progress.runs.length > 0) {
    means.onCondemned(progress.runs);
    progress.phase = "settling";
    yield { pauseMs: SETTLE_MS };
  }
  progress.phase = "confirming";
  const bounds = await stores.bounds();
  await confirmLeading(means);
  progress.phase = "removing";
  let isAllRemoved = true;
  for (const run of progress.runs) {
    if (means.isRetried(run)) {
      isAllRemoved = false;
      continue;
    }
    await stores.removeRun(run, bounds);
    means.references.forget(run);
    yield NO_PAUSE;
  }
  if (isAllRemoved) means.onAllRemoved();
  return new Set();
}

async function condemn({ run, seq, ended }: EndedRun, means: CollectionMeans): Promise<boolean> {
  const payload = means.codec.encode([{ ...ended, removed: true }]);
  const { epoch } = means;
  const result = await means.stores.append({ run, epoch, batch: means.newId(), expectedSeq: seq, payload });
  if (result.kind === "conflict" && result.epoch > epoch) throw deposed(result.epoch);
  return result.kind === "stored";
}

async function confirmLeading({ stores, epoch }: CollectionMeans): Promise<void> {
  const leading = await stores.leadingEpoch();
  if (leading > epoch) throw deposed(leading);
}

/** Marks what every run refers to. Gives the time from which on living runs may need objects they don't name. */
async function* markRuns(
  gone: ReadonlySet<string>,
  filter: ReferenceFilter,
  { stores, references, codec, progress }: CollectionMeans,
): AsyncGenerator<Slice, number> {
  let oldestLivingMs = Number.POSITIVE_INFINITY;
  for (const entry of await stores.lastOfEachRun()) {
    if (gone.has(entry.run)) continue;
    const isLiving = standingOf(recordsOf(entry, codec)) === "living";
    if (isLiving) oldestLivingMs = Math.min(oldestLivingMs, await submittedAt(entry.run, stores, codec));
    for await (const reference of references.of(entry.run, isLiving ? null : entry.seq))
      filter.add(reference);
    progress.markedRuns += 1;
    yield NO_PAUSE;
  }
  return oldestLivingMs - CLOCK_TOLERANCE_MS;
}

/**
 * Removes entries that nobody refers to; gives the nuids of those that stay. An entry that is announced while the list
 * is read moves to its end, so it is read on until nothing is behind it.
 */
async function* sweepEntries(
  order: CollectionOrder,
  means: CollectionMeans,
  limits: Limits,
): AsyncGenerator<Slice, ReferenceFilter> {
  const { stores, progress } = means;
  progress.phase = "sweepingEntries";
  const nuids = means.newFilter();
  let lastSeq = -1;
  for (let fromSeq = 0; fromSeq !== lastSeq; ) {
    lastSeq = fromSeq;
    for await (const entry of stores.entries(lastSeq)) {
      fromSeq = entry.seq;
      if (!isUnwanted(entry, limits)) nuids.add(fingerprintOf(entry.nuid));
      else if ((order.isDryRun || (await stores.removeObjectMessage(entry.seq))) && !entry.isRemoved) {
        progress.objects += 1;
      }
      progress.seenObjects += 1;
      if (progress.seenObjects % SLICE_MESSAGES === 0) yield NO_PAUSE;
    }
  }
  return nuids;
}

interface Limits {
  readonly filter: ReferenceFilter;
  readonly olderThanMs: number;
  /** Lists of inputs of living runs are not older. */
  readonly oldestNeededMs: number;
}

function isUnwanted(entry: ListedEntry, limits: Limits): boolean {
  if (entry.storedAtMs >= limits.olderThanMs) return false;
  if (entry.isRemoved) return true;
  const [, kind, digest] = namePattern.exec(entry.name) ?? [];
  if (digest === undefined || limits.filter.has(fingerprintOf(digest))) return false;
  // A list of inputs is named by an order to an agent, not by a record.
  return kind !== "data" || entry.storedAtMs < limits.oldestNeededMs;
}

async function* sweepChunks(
  order: CollectionOrder,
  { stores, progress }: CollectionMeans,
  { nuids, olderThanMs }: { nuids: ReferenceFilter; olderThanMs: number },
): AsyncGenerator<Slice> {
  progress.phase = "sweepingChunks";
  for await (const { seq, nuid, storedAtMs, bytes } of stores.chunks()) {
    progress.seenChunks += 1;
    if (storedAtMs < olderThanMs && !nuids.has(fingerprintOf(nuid))) {
      if (order.isDryRun || (await stores.removeObjectMessage(seq))) {
        progress.chunks += 1;
        progress.bytes += bytes;
      }
    }
    if (progress.seenChunks % SLICE_MESSAGES === 0) yield NO_PAUSE;
  }
}

interface Classified {
  readonly ended: readonly EndedRun[];
  readonly removed: readonly string[];
  readonly living: number;
}

function classify(entries: readonly Entry[], codec: Codec): Classified {
  const ended: EndedRun[] = [];
  const removed: string[] = [];
  let living = 0;
  for (const entry of entries) {
    const last = recordsOf(entry, codec).at(-1);
    if (last?.type !== "ended") living += 1;
    else if (last.removed === true) removed.push(entry.run);
    else ended.push({ run: entry.run, seq: entry.seq, ended: last });
  }
  return { ended, removed, living };
}

/** When a run was submitted, by the clock of the leader of then; 0 when this version can't read it. */
async function submittedAt(run: string, stores: CollectionStores, codec: Codec): Promise<number> {
  for await (const payload of stores.runBytes(run)) {
    return recordsOf({ run, seq: 0, epoch: 0, payload }, codec)[0]?.at ?? 0;
  }
  return 0;
}

/** None of an entry that this version can't read: such a run is left alone as a living one. */
function recordsOf(entry: Entry, codec: Codec): RunRecord[] {
  try {
    return decodeRecords(entry, codec);
  } catch {
    return [];
  }
}

function deposed(epoch: number): MillraceError {
  return new MillraceError("deposed", `another coordinator leads, under epoch ${epoch}: it collects`);
}
