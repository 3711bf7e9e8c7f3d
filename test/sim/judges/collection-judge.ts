/**
 * Judges what collections remove: runs that may go by the policy or by what was asked for, and objects that no run which
 * is left refers to, and that nobody has announced for long enough.
 */
import type { RecordOf } from "../../../coordinator/core/record.ts";
import type { StoredRecord } from "../../../coordinator/journal/record-stream.ts";
import type { ObjectBucket, RemovedMessage } from "../object-bucket.ts";
import { HOUR_MS, type World } from "../world.ts";
import { acceptedDigest, type Complain } from "./job-model.ts";
import type { RunModel } from "./run-model.ts";

/** A run is kept for so long after its end, however many have ended since. */
const FRESH_MS = HOUR_MS;
/** Coordinators whose clocks are wrong by more collect nothing. */
const TOLERANCE_MS = HOUR_MS;

interface Ended {
  readonly atMs: number;
  /** The clock of its coordinator may have been wrong. */
  readonly isOfToday: boolean;
}

export class CollectionJudge {
  readonly #world: World;
  readonly #bucket: ObjectBucket;
  readonly #runs: ReadonlyMap<string, RunModel>;
  readonly #complain: Complain;
  /** When each run has really ended. */
  readonly #ended = new Map<string, Ended>();
  /** The least age of runs that somebody has asked to give up. */
  #askedMs = Number.POSITIVE_INFINITY;

  constructor(world: World, runs: ReadonlyMap<string, RunModel>, complain: Complain) {
    this.#world = world;
    this.#bucket = world.shelf.bucket;
    this.#runs = runs;
    this.#complain = complain;
  }

  /** Somebody asks for runs to go that ended longer ago. */
  onAsked(olderThanMs: number): void {
    this.#askedMs = Math.min(this.#askedMs, olderThanMs);
  }

  onEnded(run: string, { at, removed }: RecordOf<"ended">): void {
    const isOfToday = this.#bucket.agoMs === 0;
    if (removed === true) this.#judgeCondemned(run);
    else this.#ended.set(run, { atMs: isOfToday ? this.#world.clock.now() : at, isOfToday });
  }

  /** A retry has from the start what the other run has made: that must still be there. */
  onRetried(run: string, { of, carried }: NonNullable<RecordOf<"submitted">["retry"]>): void {
    if (!("inline" in carried)) return;
    for (const { job, artifact } of carried.inline) {
      if (artifact !== null && this.#bucket.bytesOf(`artifact/${artifact.digest}`) === undefined) {
        this.#complain("keepsNeeded", `${run}: the artifact of job ${job} of ${of} is gone`);
      }
    }
  }

  /** A record of a run, or an event, is gone. */
  onPurged({ subject, seq }: StoredRecord): void {
    const run = subject.split(".").find((token) => this.#runs.has(token));
    const model = this.#runs.get(run ?? "");
    if (model === undefined || model.isCondemned) return;
    this.#complain(
      "keepsRuns",
      `${run}: the message ${seq} on ${subject} is removed, and it was not given up`,
    );
  }

  onRemoved(message: RemovedMessage): void {
    const { name, seq, nuid, storedAtMs } =
      message.kind === "entry" ? message.entry : { ...message.chunk, name: "a chunk" };
    const ageMs = this.#world.clock.now() - storedAtMs;
    const what = `${name} at ${seq}`;
    this.#world.coverage.count(`collected: ${message.kind}`);
    if (ageMs < HOUR_MS)
      this.#complain("keepsNeeded", `${what} is removed ${ageMs} ms after it was announced`);
    if (message.kind === "chunk") {
      const owner = this.#bucket.entriesBehind(0).find((entry) => entry.nuid === nuid && !entry.isRemoved);
      if (owner !== undefined) this.#complain("keepsNeeded", `the chunk of ${owner.name} is removed`);
      return;
    }
    if (message.entry.isRemoved) return;
    const [kind = "", digest = ""] = name.split("/");
    if (digest === "") this.#complain("keepsNeeded", `${what} is removed, which is nobody's to collect`);
    for (const model of this.#runs.values()) {
      if (!model.isCondemned && refersTo(model, kind, digest))
        this.#complain("keepsNeeded", `${what} is removed, which ${model.run} refers to`);
    }
  }

  /** Once everything is old: nothing is left of runs, and of objects. */
  judgeAllGone(): void {
    const { journal, events, subjects } = this.#world;
    const left = [
      ...journal.lastOfEach(subjects.journalAll()),
      ...journal.lastOfEach(subjects.snapshotAll()),
      ...events.lastOfEach(subjects.runEventsAll()),
    ];
    for (const { subject } of left)
      this.#complain("nothingLeft", `${subject} is left of runs that are given up`);
    const entries = this.#bucket.entriesBehind(0).filter(({ name }) => name.includes("/"));
    for (const { name } of entries)
      this.#complain("nothingLeft", `${name} is left though nothing refers to it`);
    const named = new Set(this.#bucket.entriesBehind(0).map(({ nuid }) => nuid));
    for (const { seq, nuid } of this.#bucket.chunks())
      if (!named.has(nuid)) this.#complain("nothingLeft", `the chunk at ${seq} is left, of no object`);
  }

  #judgeCondemned(run: string): void {
    const ended = this.#ended.get(run);
    if (ended === undefined || this.#runs.get(run)?.ended === undefined)
      return this.#complain("keepsRuns", `${run} is given up before it has ended`);
    const { retention, clock, mostSkewMs } = this.#world;
    const { keepRunsForMs, keepRuns } = retention.policy;
    const wrongMs = Math.min(mostSkewMs, TOLERANCE_MS) + (ended.isOfToday ? mostSkewMs : 0);
    const ageMs = clock.now() - ended.atMs + wrongMs;
    // Of those that ended at the same time any may go first.
    const newer = [...this.#ended].filter(([name, { atMs }]) => name !== run && atMs >= ended.atMs - wrongMs);
    const isExpired = ageMs >= Math.min(keepRunsForMs, this.#askedMs);
    const isOneTooMany = newer.length >= keepRuns && ageMs >= FRESH_MS;
    this.#world.coverage.count("run given up");
    if (!isExpired && !isOneTooMany)
      this.#complain("keepsRuns", `${run} is given up ${clock.now() - ended.atMs} ms after its end`);
  }
}

/** Whether a run that is left needs an object. */
function refersTo({ graphDigest, jobs }: RunModel, kind: string, digest: string): boolean {
  if (kind === "graph") return graphDigest === digest;
  if (kind !== "artifact" && kind !== "manifest") return false;
  return jobs.some((job) => job.spec.sources === digest || acceptedDigest(job) === digest);
}
