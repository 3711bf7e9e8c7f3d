import { ArchiveActor, type ArchiveMessage } from "../../coordinator/actors/archive.ts";
import { CoordinatorActor, type CoordinatorOptions } from "../../coordinator/actors/coordinator.ts";
import type { Term } from "../../coordinator/actors/election.ts";
import type { Command, CoordinatorMessage, Reply } from "../../coordinator/actors/messages.ts";
import type { StorageSettings } from "../../coordinator/actors/storage-watch.ts";
import { EstimateStore } from "../../coordinator/journal/estimate-store.ts";
import type { EventLog, Journal } from "../../coordinator/journal/journal.ts";
import { type FollowedRuns, JournalFollower } from "../../coordinator/journal/journal-follower.ts";
import { MemoryConnection, MemoryStream } from "../../coordinator/journal/memory-stream.ts";
import { Snapshots } from "../../coordinator/journal/snapshots.ts";
import { StreamEventLog } from "../../coordinator/journal/stream-event-log.ts";
import { StreamJournal } from "../../coordinator/journal/stream-journal.ts";
import type { ActorRef } from "../../shared/actor/contract.ts";
import { MessageCodec } from "../../shared/actor/message-codec.ts";
import { Subjects } from "../../shared/bus/subjects.ts";
import { type ApiRequest, api, type RunView, type Verb } from "../../shared/model/api.ts";
import type { RunEvent } from "../../shared/model/event.ts";
import {
  ability,
  type JobRequest,
  type Order,
  type Orders,
  ordersSchema,
} from "../../shared/model/messages.ts";
import type { Artifact, Outcome } from "../../shared/model/outcome.ts";
import { MemoryObjects } from "../unit/store/memory-objects.ts";
import { ActorWorld, type Node } from "./actor-world.ts";
import { MemoryDocuments } from "./memory-documents.ts";
import { MemoryReuse } from "./memory-reuse.ts";
import { jobsOf, resultOf, type Sketch, succeeded } from "./run-driver.ts";

export const subjects = new Subjects("test");

/** Few, so that small runs have snapshots, too. */
const SNAPSHOT_RECORDS = 5;

export interface SimulatedCoordinator extends Node {
  /** As kill -9: nothing of it reaches the network or the journal any more. */
  crash(): void;
}

/** Coordinators and agents on simulated time and network, with a journal in memory. */
export class CoordinatorWorld extends ActorWorld {
  readonly journalStream = new MemoryStream();
  readonly eventStream = new MemoryStream();
  readonly objects = new MemoryObjects();
  readonly estimates = new MemoryObjects();
  readonly reuse = new MemoryReuse();
  /** Why snapshots were not used. */
  readonly leftAside: string[] = [];
  readonly deposed: number[] = [];
  /** Epochs that agents have obeyed, though not by an order of the leader of then. */
  readonly obeyed: number[] = [];
  /** What each leader was given to take over. */
  readonly takenOver: FollowedRuns[] = [];
  /** How the coordinators that are started from now on watch their storage; there is always room when left out. */
  storage: StorageSettings | undefined;
  /** Tokens of all agents of which a heartbeat was ever sent, as the server keeps them. */
  readonly heardOf = new Set<string>();
  readonly #documents = new MemoryDocuments();
  #coordinator: ActorRef<CoordinatorMessage> | undefined;
  #node: Node | undefined;
  #coordinators = 0;

  constructor(...world: ConstructorParameters<typeof ActorWorld>) {
    super(...world);
    this.network
      .connect("heartbeat-stream")
      .subscribe(subjects.heartbeatAll(), (_, subject) => this.heardOf.add(subject.split(".").at(-2) ?? ""));
  }

  /** Starts a coordinator; another one that still runs is not stopped, as after a partition. */
  async startCoordinator(
    wrap: (journal: Journal) => Journal = (journal) => journal,
    wrapEvents: (eventLog: EventLog) => EventLog = (eventLog) => eventLog,
  ): Promise<SimulatedCoordinator> {
    this.#coordinators += 1;
    const name = `coordinator-${this.#coordinators}`;
    const node = this.node(name);
    const newId = (): string => `${name}-${this.clock.now()}-${Math.floor(this.clock.monotonicMs())}`;
    const codec = new MessageCodec();
    const later = (run: () => void): void => void this.clock.schedule(1, run);
    const toJournal = new MemoryConnection(this.journalStream, later);
    const toEvents = new MemoryConnection(this.eventStream, later);
    const journal = new StreamJournal(toJournal, subjects, { newId });
    const eventLog = new StreamEventLog(toEvents, subjects, { newId });
    this.#node = node;
    const parts: Omit<CoordinatorOptions, keyof Term | "archive"> = {
      node: name,
      version: "test",
      subjects,
      codec,
      journal: wrap(journal),
      eventLog: wrapEvents(eventLog),
      readGraph: () => Promise.reject(new Error("no graph is stored here")),
      heardOf: () => Promise.resolve([...this.heardOf]),
      documents: this.#documents,
      snapshots: new Snapshots({
        stream: toJournal,
        subjects,
        objects: this.objects,
        giveWay: () => Promise.resolve(),
        onLeftAside: (_run, reason) => this.leftAside.push(reason),
        minRecords: SNAPSHOT_RECORDS,
      }),
      estimateStore: new EstimateStore({ objects: this.estimates, giveWay: () => Promise.resolve() }),
      reuseStores: this.reuse,
      times: { heartbeatMs: 2_000, lostAfterMs: 15_000 },
      backlogPerSlot: 1,
      ...(this.storage === undefined ? {} : { storage: this.storage }),
    };
    const archive = node.system.spawn<ArchiveMessage>("archive", () => new ArchiveActor(parts));
    const options = { ...parts, archive };
    let coordinator: ActorRef<CoordinatorMessage> | undefined;
    const starting = this.#beginTerm(options).then((term) => {
      coordinator = node.system.spawn("coordinator", () => new CoordinatorActor({ ...options, ...term }));
    });
    await this.clock.advance(100);
    await this.clock.runUntil(() => coordinator !== undefined);
    await starting;
    this.#coordinator = coordinator;
    await this.clock.advance(100);
    const crash = (): void => {
      node.transport.disconnect();
      toJournal.cut();
      toEvents.cut();
    };
    return { ...node, crash };
  }

  /** Claims the next epoch whoever leads, and follows the journal to its end. */
  async #beginTerm(options: Omit<CoordinatorOptions, keyof Term>): Promise<Term> {
    const { node, journal } = options;
    const claim = await journal.claimEpoch(node, await journal.lastEpoch());
    if (claim.kind === "lost") return this.#beginTerm(options);
    const follower = new JournalFollower(options, this.logger(), () => undefined);
    const following = follower.follow();
    const runs = await follower.finish();
    this.takenOver.push(runs);
    await following;
    return {
      epoch: claim.epoch,
      runs,
      onDeposed: (epoch) => this.deposed.push(epoch),
      onEpochObeyed: (epoch) => this.obeyed.push(epoch),
    };
  }

  async call<V extends Verb>(verb: V, request: ApiRequest<V>): Promise<Reply> {
    if (this.#node === undefined || this.#coordinator === undefined) throw new Error("no coordinator runs");
    const command = { verb, request: api[verb].request.parse(request) } as Command;
    const answer = this.#node.system.ask<Reply, CoordinatorMessage>(
      this.#coordinator,
      (replyTo) => ({ kind: "command", command, replyTo }),
      30_000,
    );
    await this.clock.advance(500);
    return answer;
  }

  submit(run: string, sketch: Sketch): Promise<Reply> {
    return this.call("submit", { run, graph: { inline: { jobs: jobsOf(sketch) } } });
  }

  async view(run: string): Promise<RunView> {
    const reply = await this.call("run", { run });
    if (!reply.ok) throw new Error(reply.message);
    return reply.result as RunView;
  }

  /** Writes to a run's journal as another version might. */
  appendRecord(run: string, record: object): void {
    const subject = subjects.journal(run);
    const { seq = 0, epoch = 1 } = this.journalStream.last(subject) ?? {};
    const payload = new MessageCodec().encode([record]);
    this.journalStream.store({ subject, payload, expectedSeq: seq, epoch, batch: `${run}-${seq}` });
  }

  /** All durable events of a run, in order of storing. */
  events(run: string): RunEvent[] {
    const stored = this.eventStream.recordsOf(subjects.runEvents(run));
    return stored.flatMap((record) => JSON.parse(Buffer.from(record.payload).toString()) as RunEvent[]);
  }
}

/** What an agent makes of a job: an outcome, `refused` to give it back, or undefined to go on with it. */
export type Answer = Outcome | "refused" | undefined;

/** An agent on the simulated network: runs nothing, ends each job at once or when it is told to. Like a real one it
 * repeats a result until it is settled. */
export class SimulatedAgent {
  readonly started: JobRequest[] = [];
  /** All that it was ordered, in order. */
  readonly ordered: Order[] = [];
  /** How long each of its jobs is said to have run. */
  wallMsOf: (job: string) => number = () => 5;
  /** What each of its jobs makes. */
  artifactOf: (request: JobRequest) => Artifact | null = () => null;
  /** The images that it has, by their names. */
  readonly images = new Map<string, string>();
  /** Whether it says so when it is asked. */
  tellsImages = true;
  /** What kind of host it is on. */
  readonly identity: string;
  readonly #world: ActorWorld;
  readonly #codec = new MessageCodec();
  readonly #name: string;
  readonly #node: Node;
  readonly #outcome: (request: JobRequest) => Answer;
  readonly #held = new Map<string, JobRequest>();
  readonly #results = new Map<string, Exclude<Answer, undefined>>();
  #epoch = 0;
  #ordersSeen = 0;

  constructor(
    world: ActorWorld,
    name: string,
    outcome: (request: JobRequest) => Answer = () => succeeded,
    identity = "simulated",
  ) {
    this.identity = identity;
    this.#world = world;
    this.#name = name;
    this.#outcome = outcome;
    this.#node = world.node(`agent-${name}`);
    this.#node.transport.subscribe(subjects.toAgent(name), (payload) =>
      this.#onOrders(ordersSchema.parse(this.#codec.decode(payload))),
    );
    this.#hello();
    this.#beat();
  }

  /** Its host burns: nothing of it is heard any more. */
  vanish(): void {
    this.#node.transport.disconnect();
  }

  /** Whether its result is not settled yet. */
  holds({ lease }: JobRequest): boolean {
    return this.#held.has(lease);
  }

  /** Runs what it should not, as if its agent had never heard that it is over. */
  hold(request: JobRequest): void {
    this.#held.set(request.lease, request);
  }

  /** Tells of a result anew, as if it had not been settled. */
  repeat(request: JobRequest): void {
    this.#held.set(request.lease, request);
    this.finish(request);
  }

  finish(request: JobRequest, outcome: Exclude<Answer, undefined> = succeeded): void {
    this.#results.set(request.lease, outcome);
    this.#report();
  }

  #report(): void {
    const items = [...this.#results].map(([lease, outcome]) => {
      const request = this.#held.get(lease) as JobRequest;
      const { run, job, attempt, spec } = request;
      const ref = { run, job, attempt, lease };
      if (outcome === "refused") return { kind: "returned", ...ref, reason: "it can't be read" };
      const result = { ...resultOf(outcome, this.artifactOf(request)), wallMs: this.wallMsOf(spec.name) };
      const image = spec.image === undefined ? undefined : this.images.get(spec.image);
      const ranOn = image === undefined ? { host: this.identity } : { image };
      return { kind: "finished", ...ref, result, ranOn };
    });
    if (items.length > 0) this.#send("report", { items });
  }

  #onOrders(batch: Orders): void {
    if (batch.epoch < this.#epoch) return;
    if (batch.epoch > this.#epoch) this.#ordersSeen = 0;
    this.#epoch = batch.epoch;
    if (batch.number === 0) return this.#hello();
    if (batch.number !== this.#ordersSeen + 1) return;
    this.#ordersSeen = batch.number;
    this.ordered.push(...batch.orders);
    for (const order of batch.orders) {
      // A start order that was sent again after a hello: it is held already.
      if (order.kind === "start" && !this.#held.has(order.request.lease)) {
        this.started.push(order.request);
        this.#held.set(order.request.lease, order.request);
        const outcome = this.#outcome(order.request);
        if (outcome !== undefined) this.finish(order.request, outcome);
      } else if (order.kind === "ask" && order.question.kind === "findImages" && this.tellsImages) {
        const images = order.question.images.map((image) => {
          return { image, digest: this.images.get(image) ?? null, problem: null };
        });
        this.#send("answer", { id: order.id, answer: { kind: "findImages", images } });
      } else if (order.kind === "settle") {
        this.#held.delete(order.lease);
        this.#results.delete(order.lease);
      }
    }
  }

  #beat(): void {
    this.#send("heartbeat", { mode: "active", load1: 0, freeMemoryBytes: 0, held: this.#holdings() });
    this.#report();
    this.#world.clock.schedule(2_000, () => this.#beat());
  }

  #hello(): void {
    this.#send("hello", {
      capacity: { slots: 2, cpu: 2, memoryBytes: 1e9 },
      labels: [],
      pool: "",
      mode: "active",
      host: { hostname: "simulated", platform: "linux", arch: "x64", pid: 1, identity: this.identity },
      abilities: Object.values(ability),
      versions: { millrace: "0", node: "20", engine: "docker 20" },
      held: this.#holdings(),
    });
  }

  #holdings() {
    return [...this.#held.values()].map(({ run, job, attempt, lease }) => ({
      run,
      job,
      attempt,
      lease,
      phase: this.#results.has(lease) ? "finished" : "running",
    }));
  }

  #send(kind: "hello" | "heartbeat" | "report" | "answer", body: object): void {
    const { name, incarnation } = { name: this.#name, incarnation: `${this.#name}-1` };
    const sender = { v: 1, agent: name, incarnation, epoch: this.#epoch, ordersSeen: this.#ordersSeen };
    this.#node.transport.publish(subjects.fromAgent(name, kind), this.#codec.encode({ ...sender, ...body }));
  }
}
