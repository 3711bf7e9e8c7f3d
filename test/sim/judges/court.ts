/** All judges of one simulation, and what each of them gets to see: streams, messages and hosts, from outside. */
import type { RunRecord } from "../../../coordinator/core/record.ts";
import type { StoredRecord } from "../../../coordinator/journal/record-stream.ts";
import { MessageCodec } from "../../../shared/actor/message-codec.ts";
import { graphSpecSchema, type JobSpec } from "../../../shared/model/job-spec.ts";
import type { Cluster } from "../cluster.ts";
import type { AttemptEnd, AttemptTruth, SimulatedHost } from "../simulated-host.ts";
import type { World } from "../world.ts";
import { CollectionJudge } from "./collection-judge.ts";
import { EventJudge } from "./event-judge.ts";
import { HostJudge } from "./host-judge.ts";
import type { Complain } from "./job-model.ts";
import { JournalJudge } from "./journal-judge.ts";
import { MessageJudge } from "./message-judge.ts";
import { Troubles } from "./troubles.ts";

/** What was looked for before it was gone may be reused so much later, while the journal does not answer. */
const GONE_MS = 60_000;

export class Court {
  readonly troubles: Troubles;
  readonly journal: JournalJudge;
  readonly events: EventJudge;
  readonly messages: MessageJudge;
  readonly collections: CollectionJudge;
  readonly #hosts: HostJudge;
  readonly #world: World;
  readonly #onNext = new Map<string, ((run: string) => void)[]>();
  readonly #onSnapshot = new Map<string, () => void>();
  readonly #onRunEnded: (run: string, status: string) => void;

  constructor(
    world: World,
    cluster: Cluster,
    complain: Complain,
    onRunEnded: (run: string, status: string) => void,
  ) {
    this.#onRunEnded = onRunEnded;
    this.#world = world;
    const { clock, coverage, subjects, trace } = world;
    const codec = new MessageCodec();
    const monotonicMs = (): number => clock.monotonicMs();
    this.troubles = new Troubles(monotonicMs);
    this.journal = new JournalJudge({
      codec,
      monotonicMs,
      troubles: this.troubles,
      complain,
      truthOf: (key) => truthIn(cluster, key),
      capacityOf: (agent) => cluster.agents.find(({ name }) => name === agent)?.host.capacity,
      isSettled: () => world.isSettled,
      mayAbort: () => world.hasDefects,
      identityOf: world.identityOf,
      count: (what) => coverage.count(what),
      isGone: (digest) => world.shelf.goneForMs(digest, monotonicMs()) > GONE_MS,
      graphOf: (digest) => graphIn(world, digest),
      isSpoiled: (digest) => world.shelf.isSpoiled(digest),
      onRecord: (run, epoch, record) => {
        trace.add("journal", () => `${run} ${epoch}: ${JSON.stringify(record).slice(0, 300)}`);
        const moment = record.type === "ended" && record.removed === true ? "removed" : record.type;
        for (const call of this.#onNext.get(moment)?.splice(0) ?? []) call(run);
        if (record.type === "submitted") this.events.forget(run);
        if (record.type === "submitted" && record.retry !== undefined)
          this.collections.onRetried(run, record.retry);
        if (record.type === "ended") this.collections.onEnded(run, record);
        if (record.type === "ended" && record.removed !== true) this.#onRunEnded(run, record.status);
        if (record.type !== "finished") return;
        const { kind } = record.result.outcome;
        coverage.count(`attempt ${kind}${record.retryDelayMs === null ? "" : ", tried again"}`);
      },
    });
    this.events = new EventJudge(this.journal.runs, complain);
    this.messages = new MessageJudge(
      subjects,
      { codec, journal: this.journal, events: this.events, monotonicMs },
      complain,
    );
    this.collections = new CollectionJudge(world, this.journal.runs, complain);
    world.shelf.bucket.onRemoved((message) => {
      trace.add("store", () => `collected ${JSON.stringify(message)}`);
      this.collections.onRemoved(message);
    });
    this.#hosts = new HostJudge(this.journal, complain);
    const ofRuns = subjects.journal("");
    const ofSnapshots = subjects.snapshot("");
    world.journal.onStored((record) => {
      if (record.subject.startsWith(ofSnapshots)) this.#onSnapshotStored(record.subject);
      if (record.subject.startsWith(ofRuns)) this.journal.onStored(record);
      else trace.add("journal", () => `${record.subject} ${record.epoch}`);
      if (record.subject === subjects.leader()) this.journal.onClaimed(record.epoch);
    });
    world.journal.onPurged((record) => {
      this.collections.onPurged(record);
      if (record.subject.startsWith(ofRuns)) this.#onJournalPurged(record.subject);
    });
    world.events.onPurged((record) => this.collections.onPurged(record));
    world.events.onStored((record) => this.events.onStored(record));
  }

  #onJournalPurged(subject: string): void {
    const run = subject.slice(subject.lastIndexOf(".") + 1);
    this.#world.trace.add("journal", () => `${run} is removed`);
    if (this.#world.journal.last(subject) === undefined) this.journal.onForgotten(run);
  }

  /** The streams have gone back: what is gone counts no more. */
  rewind(): void {
    const { journal, events, subjects } = this.#world;
    this.journal.rewind(bySeq(journal.recordsBehind(subjects.journalAll(), 0)));
    this.events.rewind(bySeq(events.recordsBehind(subjects.runEventsAll(), 0)));
  }

  /** Calls back at the next journal record of a type, of any run; `removed` is the one that gives a run up. */
  onNextRecord(type: RunRecord["type"] | "removed", call: (run: string) => void): void {
    const known = this.#onNext.get(type);
    if (known === undefined) this.#onNext.set(type, [call]);
    else known.push(call);
  }

  /** Calls back at the next snapshot of a run. */
  onNextSnapshot(run: string, call: () => void): void {
    this.#onSnapshot.set(this.#world.subjects.snapshot(run), call);
  }

  #onSnapshotStored(subject: string): void {
    this.#world.coverage.count("snapshot stored");
    const call = this.#onSnapshot.get(subject);
    this.#onSnapshot.delete(subject);
    call?.();
  }

  onPublished(node: string, subject: string, payload: Uint8Array): void {
    const told = this.messages.onPublished(subject, payload);
    if (told !== undefined) this.#world.trace.add(node, () => told);
  }

  onStarted(host: SimulatedHost, truth: AttemptTruth): void {
    this.#world.trace.add(host.name, () => `RUNS ${truth.key} (${truth.request.spec.name})`);
    this.#hosts.onStarted(host, truth);
  }

  onEnded(host: SimulatedHost, truth: AttemptTruth): void {
    this.#world.trace.add(host.name, () => `ENDED ${truth.key}: ${JSON.stringify(truth.exit)}`);
  }
}

function bySeq(records: StoredRecord[]): StoredRecord[] {
  return records.sort((one, other) => one.seq - other.seq);
}

function truthIn(cluster: Cluster, key: string): AttemptEnd | undefined {
  for (const { host } of cluster.agents) {
    const truth = host.truths.get(key);
    if (truth !== undefined) return truth;
  }
  return cluster.world.pastEnds.get(key);
}

/** The jobs of a graph that is stored as an object. */
function graphIn({ shelf }: World, digest: string): readonly JobSpec[] | undefined {
  const content = shelf.bucket.bytesOf(`graph/${digest}`);
  return content === undefined ? undefined : graphSpecSchema.parse(JSON.parse(content.toString())).jobs;
}
