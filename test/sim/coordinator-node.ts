/** A coordinator's process: a real member of the election over the model of the streams, as the command puts it together. */
import { EstimateStore } from "../../coordinator/journal/estimate-store.ts";
import { Snapshots } from "../../coordinator/journal/snapshots.ts";
import { StreamEventLog } from "../../coordinator/journal/stream-event-log.ts";
import { StreamJournal } from "../../coordinator/journal/stream-journal.ts";
import { type Member, startMember } from "../../coordinator/member.ts";
import type { Verb } from "../../shared/model/api.ts";
import { getDocument } from "../../shared/store/document.ts";
import { documentsIn } from "./artifact-shelf.ts";
import { BrittleCodec } from "./brittle-codec.ts";
import { simulatedCollectionStores } from "./collection-stores.ts";
import { resultMemory } from "./result-memory.ts";
import type { SimulatedNode, World } from "./world.ts";

const TIMES = { heartbeatMs: 2_000, lostAfterMs: 15_000 };
const ELECTION_TIMES = { beatMs: 500, silenceMs: 3_000 };
const STOP_MS = 5_000;
const LONGEST_TURN_MS = 5;
const DIGEST = /[0-9a-f]{64}/;

export class CoordinatorNode {
  readonly name: string;
  readonly #world: World;
  readonly #Journal: typeof StreamJournal;
  #node: SimulatedNode | undefined;
  #member: Member | undefined;
  #codec: BrittleCodec | undefined;

  constructor(world: World, name: string, Journal = StreamJournal) {
    this.#world = world;
    this.#Journal = Journal;
    this.name = name;
  }

  get node(): SimulatedNode | undefined {
    return this.#node;
  }

  /** What its actors encode with, while it runs. */
  get codec(): BrittleCodec | undefined {
    return this.#node === undefined ? undefined : this.#codec;
  }

  start(): void {
    if (this.#node !== undefined || this.#world.isAsleep) return;
    const node = this.#world.startNode(this.name);
    const { system, randomness, process, line, log } = node;
    const codec = new BrittleCodec();
    this.#codec = codec;
    const { subjects, shelf } = this.#world;
    const newId = (): string => randomness.id();
    const toJournal = node.connect(this.#world.journal);
    const objects = node.openObjects();
    const journal = new this.#Journal(toJournal, subjects, { newId });
    this.#node = node;
    this.#member = startMember({
      // Each start is another member, also under the same name.
      node: `${this.name}-${newId()}`,
      version: "simulated",
      system,
      clock: process,
      line,
      log,
      subjects,
      codec,
      journal,
      eventLog: new StreamEventLog(node.connect(this.#world.events), subjects, { newId }),
      readGraph: (digest) => getDocument(objects, "graph", digest),
      documents: documentsIn(objects),
      snapshots: new Snapshots({
        stream: toJournal,
        subjects,
        objects,
        giveWay: () => this.#giveWay(node),
        onLeftAside: (_, reason) =>
          this.#world.coverage.count(`snapshot left aside: ${reason.replace(DIGEST, "…")}`),
        minRecords: this.#world.snapshotRecords,
      }),
      estimateStore: new EstimateStore({ objects, giveWay: () => Promise.resolve() }),
      reuseStores: resultMemory(shelf, process, this.#world),
      heardOf: () => this.#heardOf(node),
      collection: {
        ...this.#world.retention,
        stores: simulatedCollectionStores(this.#world, { connection: toJournal, journal, objects }),
      },
      times: TIMES,
      electionTimes: ELECTION_TIMES,
      backlogPerSlot: 1,
      onFailure: (error) => {
        this.#world.report("actorFailed", this.name, `the coordinator failed: ${String(error)}`);
        this.crash();
      },
    });
  }

  /** Asks it what a client asks; never settles when the process dies first. */
  ask(verb: Verb, request: object): Promise<unknown> {
    const member = this.#member;
    if (this.#node === undefined || member === undefined) {
      return Promise.reject(new Error(`${this.name} does not run`));
    }
    const { process } = this.#node;
    return new Promise((resolve, reject) => {
      process.arrive(() => {
        member
          .answer(verb, Buffer.from(JSON.stringify(request)))
          .then((reply) => resolve(JSON.parse(Buffer.from(reply).toString())), reject);
      });
    });
  }

  /** Ends it in order. */
  stop(): void {
    const node = this.#node;
    node?.process.arrive(() => {
      void node.system.stop({ timeoutMs: STOP_MS }).then(() => {
        if (this.#node === node) this.crash();
        if (this.#world.isAtPeace) this.start();
      });
    });
  }

  /** As kill -9. */
  crash(): void {
    this.#node?.end();
    this.#node = undefined;
    this.#member = undefined;
  }

  /** Others have their turn while something long is done. */
  #giveWay({ process }: SimulatedNode): Promise<void> {
    return new Promise((resolve) => {
      process.schedule(this.#world.chance.between(0, LONGEST_TURN_MS), resolve);
    });
  }

  #heardOf({ process }: SimulatedNode): Promise<string[]> {
    return new Promise((resolve) => {
      process.schedule(1, () => resolve(this.#world.heardOf()));
    });
  }
}
