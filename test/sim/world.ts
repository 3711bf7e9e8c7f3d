/** What everything in a simulation shares: time, chance, the bus with its streams, and those who watch. */
import type { CollectionSettings } from "../../coordinator/actors/collector.ts";
import { type Leg, MemoryConnection, MemoryStream } from "../../coordinator/journal/memory-stream.ts";
import type { Logger, Randomness } from "../../shared/actor/contract.ts";
import { type Faults, MemoryNetwork, type MemoryTransport } from "../../shared/actor/memory-network.ts";
import { MessageCodec } from "../../shared/actor/message-codec.ts";
import { seededRandomness } from "../../shared/actor/randomness.ts";
import { type ActorSystem, createActorSystem } from "../../shared/actor/system.ts";
import { VirtualClock } from "../../shared/actor/virtual-clock.ts";
import { Subjects } from "../../shared/bus/subjects.ts";
import type { Objects } from "../../shared/store/objects.ts";
import { ArtifactShelf } from "./artifact-shelf.ts";
import { BucketObjects } from "./bucket-objects.ts";
import { Chance } from "./chance.ts";
import { Coverage } from "./coverage.ts";
import { ProcessLine } from "./process-line.ts";
import { ProcessTransport, type Tap } from "./process-transport.ts";
import { SOUND_MEMORY } from "./result-memory.ts";
import { drawReuse, identitiesOf } from "./reuse-course.ts";
import type { AttemptEnd } from "./simulated-host.ts";
import { SimulatedProcess } from "./simulated-process.ts";
import { SlowMail } from "./slow-mail.ts";
import { Trace } from "./trace.ts";

/** One start of a process: what it is made of, and how it is cut off or ended from outside. */
export interface SimulatedNode {
  readonly process: SimulatedProcess;
  readonly system: ActorSystem;
  readonly codec: MessageCodec;
  readonly randomness: Randomness;
  readonly log: Logger;
  readonly line: ProcessLine;
  readonly connections: readonly MemoryConnection[];
  /** Opens a way to a stream. */
  connect(stream: MemoryStream): MemoryConnection;
  /** Opens a way to the object store. */
  openObjects(): Objects;
  /** It notices that it has lost the bus, and what it publishes meanwhile is lost. */
  disconnect(): void;
  reconnect(): void;
  /** As kill -9: nothing of it runs any more; what it has sent is on its way. */
  end(): void;
}

/** Somebody who finds a broken promise says so. */
export type Report = (promise: string, node: string, what: string) => void;

/** A network on which nothing goes wrong. */
export const CALM: Faults = { minDelayMs: 1, maxDelayMs: 3 };

/** Seeds of one simulation's sources of chance lie far apart. */
const NETWORK_SEED = 2 ** 32;
const NODE_SEED = 2 ** 33;
const HEARTBEATS_KEPT_MS = 60_000;
export const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;
const SKEW_MS = 3_600_000;
/** Turns of actors between a result and the start of what waited for it. */
export const HASTY_TURNS = 6;
/** People do as they always do. */
export const CALM_HASTE = { likelihood: 0, withinMs: 4, isWide: false };
/** On a server that has nothing else to do. */
export const STREAM_MS = 3;
const SETTLED_MS = 30_000;
const FULL_STREAM_RETRY_MS = 500;
const STORE_RETRY_MS = 500;

export class World {
  readonly clock = new VirtualClock();
  readonly subjects = new Subjects("sim");
  readonly shelf = new ArtifactShelf(() => this.clock.now());
  readonly coverage = new Coverage();
  readonly chance: Chance;
  readonly network: MemoryNetwork;
  readonly mail: SlowMail;
  readonly journal: MemoryStream;
  readonly events: MemoryStream;
  /** Tokens of the agents whose heartbeats the server still keeps, and when the last one came. */
  readonly heardMs = new Map<string, number>();
  /** Something was there before the simulation begins. */
  readonly hasPast: boolean;
  /** What is kept for how long. */
  readonly retention: Pick<CollectionSettings, "policy" | "unreferencedForMs" | "intervalMs">;
  /** By attempt: what became of those of the past. */
  readonly pastEnds = new Map<string, AttemptEnd>();
  /** The most that the wall clock of a process was ever wrong by. */
  mostSkewMs = 0;
  /** After so many records of a small run a snapshot of it is due. */
  readonly snapshotRecords: number;
  /** The coordinator that said last that it leads. */
  leader: string | undefined;
  /** The longest way to a stream, or from it. */
  streamMs = STREAM_MS;
  /** How likely a result makes somebody give a command, if only for that, how soon, and whether to the whole run. */
  haste = CALM_HASTE;
  /** Where reuse is drawn from, in a seed that has it. */
  readonly reuse: Chance | undefined;
  /** What the host of an agent is said to be. */
  readonly identityOf: (agent: string) => string;
  /** What is wrong with the store of results. */
  memoryTrouble = SOUND_MEMORY;
  /** No process runs, or is started. */
  isAsleep = false;
  /** All that people want is done: nobody begins anything any more. */
  isClosing = false;
  /** Some of what the streams had acknowledged is gone. */
  hasLostPower = false;
  /** An actor of a coordinator was made to fail, as by a defect of its code. */
  hasDefects = false;
  readonly #onNextLeader: (() => void)[] = [];
  #peaceSinceMs: number | undefined;
  readonly trace: Trace;
  readonly report: Report;
  readonly #seed: number;
  /** Messages within a node are serialised, too: it costs as much as all the rest, so it is done for some seeds. */
  readonly #serialiseLocal: boolean;
  readonly #onPublished: Tap;
  /** In some seeds input from outside comes between any two turns of actors, as with a busy event loop. */
  readonly #sliceMessages: number | undefined;
  /** In some of these a turn takes its time at all times. */
  readonly usualLagMs: number;
  #starts = 0;

  constructor(options: { seed: number; isTraced: boolean; report: Report; onPublished: Tap }) {
    const { seed } = options;
    this.#seed = seed;
    this.report = options.report;
    this.#onPublished = (node, subject, payload) => {
      if (subject === this.subjects.leaderBeat() && node !== this.leader) this.#onLeads(node);
      options.onPublished(node, subject, payload);
    };
    this.chance = new Chance(seededRandomness(seed));
    this.reuse = drawReuse(seed);
    this.identityOf = identitiesOf(this.reuse);
    this.network = new MemoryNetwork(this.clock, seededRandomness(seed + NETWORK_SEED), CALM);
    this.trace = new Trace(() => this.clock.monotonicMs(), options.isTraced);
    const monotonicMs = (): number => this.clock.monotonicMs();
    const keeper = this.network.connect("heartbeats");
    keeper.subscribe(this.subjects.heartbeatAll(), (_, subject) => {
      this.heardMs.set(subject.split(".").at(-2) ?? "", monotonicMs());
    });
    const late = this.network.connect("late mail");
    this.mail = new SlowMail({
      clock: this.clock,
      chance: this.chance,
      publish: (subject, payload) => late.publish(subject, payload),
      onDelayed: ({ isRepeat }) => this.coverage.count(isRepeat ? "message repeated late" : "message late"),
    });
    this.#serialiseLocal = this.chance.happens(0.12);
    this.#sliceMessages = this.chance.happens(0.4) ? 1 : undefined;
    this.usualLagMs = this.#sliceMessages === undefined ? 0 : this.chance.pick([0, 1, 3]);
    const sequenceFirst = this.chance.happens(0.5);
    this.snapshotRecords = this.chance.pick([5, 15, 40]);
    this.hasPast = this.chance.happens(0.4);
    this.retention = {
      policy: { keepRunsForMs: DAY_MS, keepRuns: this.chance.pick([2, Number.POSITIVE_INFINITY]) },
      unreferencedForMs: this.chance.pick([HOUR_MS, DAY_MS]),
      intervalMs: this.chance.pick([5_000, 20_000, 90_000]),
    };
    this.journal = new MemoryStream({ sequenceFirst, monotonicMs });
    this.events = new MemoryStream({ sequenceFirst, monotonicMs });
  }

  /** Nothing goes wrong any more: what is still stopping is started again. */
  get isAtPeace(): boolean {
    return this.#peaceSinceMs !== undefined;
  }

  /** It has been so for long enough that every agent is known again. */
  get isSettled(): boolean {
    return this.clock.monotonicMs() - (this.#peaceSinceMs ?? Number.POSITIVE_INFINITY) > SETTLED_MS;
  }

  /** Calls back when the next leader says its first word. */
  onNextLeader(call: () => void): void {
    this.#onNextLeader.push(call);
  }

  #onLeads(node: string): void {
    this.leader = node;
    for (const call of this.#onNextLeader.splice(0)) call();
  }

  beginPeace(): void {
    this.#peaceSinceMs ??= this.clock.monotonicMs();
  }

  /** As the stream of heartbeats tells it: each is kept for a minute. */
  heardOf(): string[] {
    const sinceMs = this.clock.monotonicMs() - HEARTBEATS_KEPT_MS;
    return [...this.heardMs].flatMap(([agent, atMs]) => (atMs >= sinceMs ? [agent] : []));
  }

  noteSkew(skewMs: number): void {
    this.mostSkewMs = Math.max(this.mostSkewMs, Math.abs(skewMs));
  }

  /** Whoever submits runs reaches the store at all times. */
  openClientObjects(): Objects {
    const wait = (ms: number, run: () => void): void => void this.clock.schedule(ms, run);
    let count = 0;
    return new BucketObjects({
      bucket: this.shelf.bucket,
      now: () => this.clock.now(),
      connection: new MemoryConnection(this.journal, (run) => wait(this.chance.between(1, STREAM_MS), run)),
      newId: () => `client-${++count}`,
      untilUp: () => Promise.resolve(),
    });
  }

  /** Starts a process; another one of the same name, that still runs, is another process. */
  startNode(name: string): SimulatedNode {
    const skewMs = this.chance.happens(0.3) ? this.chance.between(-SKEW_MS, SKEW_MS) : 0;
    if (skewMs !== 0) this.coverage.count("clock skewed");
    this.noteSkew(skewMs);
    const process = new SimulatedProcess(name, this.clock, this.chance, skewMs);
    process.lagMs = this.isAtPeace ? 0 : this.usualLagMs;
    const transport = this.network.connect(name);
    const randomness = seededRandomness(this.#seed + ++this.#starts * NODE_SEED);
    const codec = new MessageCodec();
    const log = this.#logger(name);
    const toBus = new ProcessTransport(transport, process, this.mail, this.#onPublished);
    const system = createActorSystem({
      node: name,
      transport: toBus,
      clock: process,
      randomness,
      codec,
      log,
      subjectRoot: this.subjects.actors(),
      deadLetterSubject: this.subjects.deadLetters(),
      options: {
        serialiseLocal: this.#serialiseLocal,
        ...(this.#sliceMessages === undefined ? {} : { sliceMessages: this.#sliceMessages }),
      },
    });
    this.trace.add(name, () => `starts${skewMs === 0 ? "" : `, its wall clock ${skewMs} ms ahead`}`);
    const newId = (): string => randomness.id();
    const requests = new ProcessLine(process, { transport: toBus, network: this.network, codec, newId });
    return this.#nodeOf({ process, system, codec, randomness, log, line: requests }, transport);
  }

  #nodeOf(
    parts: Omit<
      SimulatedNode,
      "connections" | "connect" | "openObjects" | "disconnect" | "reconnect" | "end"
    >,
    transport: MemoryTransport,
  ): SimulatedNode {
    const connections: MemoryConnection[] = [];
    const { process, randomness } = parts;
    const cut = (): void => {
      for (const connection of connections) connection.cut();
    };
    const connect = (stream: MemoryStream): MemoryConnection => {
      const connection = new MemoryConnection(stream, (run, leg) => this.#onLeg(process, run, leg));
      connections.push(connection);
      return connection;
    };
    const wait = (ms: number): Promise<void> =>
      new Promise((resolve) => {
        process.schedule(ms, resolve);
      });
    return {
      ...parts,
      connections,
      connect,
      openObjects: () =>
        new BucketObjects({
          bucket: this.shelf.bucket,
          now: () => this.clock.now(),
          connection: connect(this.journal),
          newId: () => randomness.id(),
          untilUp: async () => {
            while (this.shelf.isDown) await wait(STORE_RETRY_MS);
          },
        }),
      disconnect: () => {
        transport.disconnect();
        cut();
      },
      reconnect: () => {
        transport.reconnect();
        for (const connection of connections) connection.mend();
      },
      end: () => {
        process.kill();
        cut();
        void transport.close();
      },
    };
  }

  /** A request that was sent arrives, whatever becomes of the sender; its answer comes to a living process only. */
  #onLeg(process: SimulatedProcess, run: () => void, leg: Leg): void {
    const arrive = (): void => void process.arrive(run);
    const onTheWay = this.chance.between(1, this.streamMs);
    if (leg === "request") this.clock.schedule(onTheWay, run);
    else if (leg === "straggler") this.clock.schedule(this.chance.between(1, 2_000), run);
    else if (leg === "answer") this.clock.schedule(onTheWay, arrive);
    else this.clock.schedule(FULL_STREAM_RETRY_MS, arrive);
  }

  #logger(node: string): Logger {
    const at =
      (level: "debug" | "info" | "warn" | "error") =>
      (fields: object, message: string): void => {
        this.trace.add(node, () => `${level}: ${message} ${JSON.stringify(fields)}`);
        const text = `${message} ${JSON.stringify(fields)}`;
        if (level === "error" && /TypeError|RangeError|ReferenceError/.test(text)) {
          this.report("noDefect", node, text);
        }
      };
    return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
  }
}
