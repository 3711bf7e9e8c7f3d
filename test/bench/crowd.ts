/** Many agents on one connection that say what real ones say, and run nothing: what a large fleet is to a coordinator. */
import { MessageCodec } from "../../shared/actor/message-codec.ts";
import type { Bus } from "../../shared/bus/connection.ts";
import { type JobRequest, type Orders, ordersSchema } from "../../shared/model/messages.ts";

interface Member {
  readonly name: string;
  epoch: number;
  ordersSeen: number;
  readonly held: Map<string, JobRequest>;
}

const TICK_MS = 20;

export class Crowd {
  readonly #bus: Bus;
  readonly #codec = new MessageCodec();
  readonly #members: readonly Member[];
  readonly #perTick: number;
  readonly #beats: NodeJS.Timeout;
  #next = 0;

  /** Each of them sends a heartbeat every `heartbeatMs`; all together they do so evenly. */
  constructor(bus: Bus, count: number, heartbeatMs: number) {
    this.#bus = bus;
    this.#members = Array.from({ length: count }, (_, index) => ({
      name: `crowd-${index}`,
      epoch: 0,
      ordersSeen: 0,
      held: new Map(),
    }));
    for (const member of this.#members) {
      bus.connection.subscribe(bus.subjects.toAgent(member.name), {
        callback: (error, { data }) => {
          if (error === null) this.#onOrders(member, ordersSchema.parse(this.#codec.decode(data)));
        },
      });
      this.#hello(member);
    }
    this.#perTick = (count * TICK_MS) / heartbeatMs;
    this.#beats = setInterval(() => this.#tick(), TICK_MS);
  }

  /** How many of them hold a job; one that was given a job never ends it. */
  get busy(): number {
    return this.#members.filter(({ held }) => held.size > 0).length;
  }

  stop(): void {
    clearInterval(this.#beats);
  }

  #tick(): void {
    const until = this.#next + this.#perTick;
    for (let turn = Math.ceil(this.#next); turn < until; turn++) {
      this.#beat(this.#members[turn % this.#members.length]!);
    }
    this.#next = until;
  }

  #onOrders(member: Member, batch: Orders): void {
    if (batch.epoch > member.epoch) Object.assign(member, { epoch: batch.epoch, ordersSeen: 0 });
    if (batch.number === 0) return this.#hello(member);
    if (batch.number !== member.ordersSeen + 1) return;
    member.ordersSeen = batch.number;
    for (const order of batch.orders) {
      if (order.kind === "start") member.held.set(order.request.lease, order.request);
    }
    this.#beat(member);
  }

  #hello(member: Member): void {
    this.#send(member, "hello", {
      capacity: { slots: 1, cpu: 8, memoryBytes: 1e9 },
      labels: [],
      pool: "",
      mode: "active",
      host: { hostname: member.name, platform: "linux", arch: "x64", pid: 1 },
      versions: { millrace: "0", node: "20", engine: null },
      held: heldBy(member),
    });
  }

  #beat(member: Member): void {
    const body = { mode: "active", load1: 0, freeMemoryBytes: 0, held: heldBy(member) };
    this.#send(member, "heartbeat", body);
  }

  #send(member: Member, kind: "hello" | "heartbeat", body: object): void {
    const { name, epoch, ordersSeen } = member;
    const sender = { v: 1, agent: name, incarnation: `${name}-1`, epoch, ordersSeen };
    const message = this.#codec.encode({ ...sender, ...body });
    this.#bus.connection.publish(this.#bus.subjects.fromAgent(name, kind), message);
  }
}

function heldBy({ held }: Member): object[] {
  return [...held.values()].map(({ run, job, attempt, lease }) => ({
    run,
    job,
    attempt,
    lease,
    phase: "running",
  }));
}
