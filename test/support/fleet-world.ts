import { Counters } from "../../coordinator/actors/counters.ts";
import { FleetActor } from "../../coordinator/actors/fleet.ts";
import { FleetNumbers } from "../../coordinator/actors/fleet-events.ts";
import type {
  CoordinatorMessage,
  FleetMessage,
  RunMessage,
  SchedulerMessage,
} from "../../coordinator/actors/messages.ts";
import { newFleet } from "../../coordinator/core/fleet.ts";
import type { OrderChannel } from "../../coordinator/core/order-channel.ts";
import type { ActorRef, Codec } from "../../shared/actor/contract.ts";
import type { MemoryTransport } from "../../shared/actor/memory-network.ts";
import { MessageCodec } from "../../shared/actor/message-codec.ts";
import { Subjects } from "../../shared/bus/subjects.ts";
import type { AgentEvent } from "../../shared/model/event.ts";
import {
  type AgentMode,
  type HeldAttempt,
  type Order,
  type Orders,
  ordersSchema,
} from "../../shared/model/messages.ts";
import { ActorWorld, type Node, onMessage, recorder } from "./actor-world.ts";

export const fleetSubjects = new Subjects("test");
const codec = new MessageCodec();
const EPOCH = 7;

interface FleetWorldOptions {
  readonly heardOf?: () => Promise<readonly string[]>;
  /** What the fleet actor writes with. */
  readonly codec?: Codec;
}

/** The fleet actor alone, on simulated time and network: what it says to others is written down. */
export class FleetWorld extends ActorWorld {
  readonly coordinatorNode: Node = this.node("coordinator");
  readonly events: AgentEvent[] = [];
  readonly toScheduler: SchedulerMessage[] = [];
  /** Runs that the coordinator knows, or finds in the journal: all others are over. */
  readonly going = new Set<string>();
  /** Epochs that agents have obeyed, though not by an order of this leader. */
  readonly obeyed: number[] = [];
  readonly fleet: ActorRef<FleetMessage>;
  readonly #channels = new Map<string, OrderChannel>();
  readonly #numbers = new FleetNumbers(EPOCH);
  #isFailing = false;

  private constructor(options: FleetWorldOptions) {
    super();
    const { heardOf = () => Promise.resolve([]) } = options;
    const { system } = this.coordinatorNode;
    const coordinator = system.spawn<CoordinatorMessage>(
      "main",
      onMessage((message) => this.#onCoordinator(message)),
    );
    const scheduler = system.spawn<SchedulerMessage>("scheduler", recorder(this.toScheduler));
    const eventLog = {
      store: () => Promise.resolve(),
      lastSeq: () => Promise.resolve(0),
      ending: () => Promise.resolve("told" as const),
      storeFleet: (events: readonly object[]) => {
        this.events.push(...(events as AgentEvent[]));
        return Promise.resolve();
      },
    };
    this.fleet = system.spawn<FleetMessage>(
      "fleet",
      () =>
        new FleetActor({
          epoch: EPOCH,
          fleet: newFleet({ heartbeatMs: 2_000, lostAfterMs: 15_000 }),
          channels: this.#channels,
          numbers: this.#numbers,
          subjects: fleetSubjects,
          codec: options.codec ?? codec,
          eventLog,
          heardOf,
          onEpochObeyed: (epoch) => this.obeyed.push(epoch),
          counters: new Counters(),
          coordinator,
          scheduler,
          jobName: () => {
            if (this.#isFailing) throw new Error("broken for this test");
            return undefined;
          },
        }),
    );
  }

  /** The fleet actor listens when this resolves. */
  static async start(options: FleetWorldOptions = {}): Promise<FleetWorld> {
    const world = new FleetWorld(options);
    await world.settle();
    return world;
  }

  /** Makes the fleet actor fail once, at a listing of what agents run, of whom one has to run something. */
  async failFleet(): Promise<void> {
    this.#isFailing = true;
    const replyTo = this.coordinatorNode.system.refTo<never>("nobody", "/none");
    const request = { offset: 0, limit: 1 };
    this.fleet.tell({ kind: "command", command: { verb: "agents", request }, replyTo });
    await this.clock.advance(1_000);
    this.#isFailing = false;
  }

  /** Lets time pass in which these agents are heard. */
  async pass(ms: number, ...agents: HandDrivenAgent[]): Promise<void> {
    for (let passedMs = 0; passedMs < ms; passedMs += 1_000) {
      for (const agent of agents) agent.heartbeat();
      await this.clock.advance(1_000);
    }
  }

  #onCoordinator(message: CoordinatorMessage): void {
    if (message.kind !== "straysSighted") return;
    const orders = message.orders.filter(({ run }) => !this.going.has(run));
    this.fleet.tell({ kind: "orders", agent: message.agent, orders });
  }

  /** A run as the fleet sees it, and what it was told. It has not begun yet. */
  run(name: string): { readonly ref: ActorRef<RunMessage>; readonly told: RunMessage[] } {
    const told: RunMessage[] = [];
    return { ref: this.coordinatorNode.system.spawn<RunMessage>(name, recorder(told)), told };
  }

  /** Begins a run that has leases on these agents. */
  open(name: string, ...agents: string[]): RunMessage[] {
    const { ref, told } = this.run(name);
    this.fleet.tell({ kind: "runOpened", run: name, ref });
    for (const agent of agents) this.fleet.tell({ kind: "leaseAdopted", run: name, agent });
    return told;
  }
}

/** An agent of which a test says what it says. */
export class HandDrivenAgent {
  readonly transport: MemoryTransport;
  /** All batches it was sent, handled or not. */
  readonly heard: Orders[] = [];
  readonly orders: Order[] = [];
  held: HeldAttempt[] = [];
  ordersSeen = 0;
  mode: AgentMode = "active";
  /** What it says it has obeyed, when that is not this leader. */
  epoch: number | undefined;
  readonly #name: string;
  readonly #incarnation: string;

  constructor(world: FleetWorld, name: string, incarnation = `${name}-1`) {
    this.#name = name;
    this.#incarnation = incarnation;
    this.transport = world.network.connect(incarnation);
    this.transport.subscribe(fleetSubjects.toAgent(name), (payload) => {
      const batch = ordersSchema.parse(codec.decode(payload));
      this.heard.push(batch);
      if (batch.incarnation !== incarnation || batch.number !== this.ordersSeen + 1) return;
      this.ordersSeen = batch.number;
      this.orders.push(...batch.orders);
    });
  }

  get wasAsked(): boolean {
    return this.heard.some((batch) => batch.number === 0);
  }

  hello(abilities: readonly string[] = []): void {
    this.send("hello", {
      abilities,
      capacity: { slots: 2, cpu: 2, memoryBytes: 1e9 },
      labels: [],
      pool: "",
      mode: this.mode,
      host: { hostname: `host of ${this.#incarnation}`, platform: "linux", arch: "x64", pid: 1 },
      versions: { millrace: "0", node: "20", engine: null },
      held: this.held,
    });
  }

  heartbeat(): void {
    this.send("heartbeat", { mode: this.mode, load1: 0, freeMemoryBytes: 0, held: this.held });
  }

  send(kind: "hello" | "heartbeat" | "report" | "answer" | "bye", fields: object): void {
    const { ordersSeen } = this;
    const epoch = this.epoch ?? (ordersSeen === 0 ? 0 : EPOCH);
    const sender = { v: 1, agent: this.#name, incarnation: this.#incarnation, epoch, ordersSeen };
    this.transport.publish(fleetSubjects.fromAgent(this.#name, kind), codec.encode({ ...sender, ...fields }));
  }
}

/** An attempt of the first job of a run, as an agent tells of it. */
export function attemptOf(run: string, phase: HeldAttempt["phase"] = "running"): HeldAttempt {
  return { run, job: 0, attempt: 1, lease: `lease-${run}`, phase };
}
