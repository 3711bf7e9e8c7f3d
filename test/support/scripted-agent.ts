import { MessageCodec } from "../../shared/actor/message-codec.ts";
import type { Bus } from "../../shared/bus/connection.ts";
import { type AttemptRef, type JobRequest, type Orders, ordersSchema } from "../../shared/model/messages.ts";
import type { Outcome } from "../../shared/model/outcome.ts";
import { resultOf, succeeded } from "./run-driver.ts";

export interface ScriptedAgentOptions {
  readonly name?: string;
  readonly slots?: number;
  /** What becomes of a job; undefined leaves it running. */
  readonly outcome?: (request: JobRequest) => Outcome | undefined;
}

/** Speaks the agent's protocol over a real bus without running anything: for tests and benchmarks of coordinators. */
export class ScriptedAgent {
  readonly name: string;
  readonly requests: JobRequest[] = [];
  readonly settled: AttemptRef[] = [];
  readonly cancelled: AttemptRef[] = [];
  readonly #bus: Bus;
  readonly #codec = new MessageCodec();
  readonly #options: ScriptedAgentOptions;
  readonly #running = new Map<string, JobRequest>();
  #incarnation = 1;
  #epoch = 0;
  #ordersSeen = 0;
  #beats: NodeJS.Timeout | undefined;

  constructor(bus: Bus, options: ScriptedAgentOptions = {}) {
    this.#bus = bus;
    this.#options = options;
    this.name = options.name ?? "scripted";
    bus.connection.subscribe(bus.subjects.toAgent(this.name), {
      callback: (error, message) => {
        if (error === null) this.#onOrders(ordersSchema.parse(this.#codec.decode(message.data)));
      },
    });
    this.#hello();
    this.#beats = setInterval(() => this.#beat(), 200);
  }

  /** As after kill -9 and a new start: another incarnation that holds nothing. */
  restart(): void {
    this.#incarnation += 1;
    this.#running.clear();
    this.#ordersSeen = 0;
    this.#hello();
  }

  finish(request: JobRequest, outcome: Outcome): void {
    this.#running.delete(request.lease);
    const { run, job, attempt, lease } = request;
    this.#send("report", {
      items: [{ kind: "finished", run, job, attempt, lease, result: resultOf(outcome) }],
    });
  }

  stop(): void {
    clearInterval(this.#beats);
  }

  #onOrders(batch: Orders): void {
    if (batch.epoch < this.#epoch) return;
    if (batch.epoch > this.#epoch) {
      this.#epoch = batch.epoch;
      this.#ordersSeen = 0;
    }
    if (batch.number === 0) return this.#hello();
    if (batch.number !== this.#ordersSeen + 1) return;
    this.#ordersSeen = batch.number;
    const ended: [JobRequest, Outcome][] = [];
    for (const order of batch.orders) {
      if (order.kind === "start") {
        this.requests.push(order.request);
        const outcome = (this.#options.outcome ?? (() => succeeded))(order.request);
        this.#running.set(order.request.lease, order.request);
        if (outcome !== undefined) ended.push([order.request, outcome]);
      } else if (order.kind === "settle") this.settled.push(order);
      else if (order.kind === "cancel") {
        this.cancelled.push(order);
        const request = this.#running.get(order.lease);
        if (request !== undefined) ended.push([request, { kind: "cancelled" }]);
      }
    }
    const items = ended.map(([{ run, job, attempt, lease }, outcome]) => {
      this.#running.delete(lease);
      return { kind: "finished" as const, run, job, attempt, lease, result: resultOf(outcome) };
    });
    if (items.length > 0) this.#send("report", { items });
    else this.#beat();
  }

  #hello(): void {
    this.#send("hello", {
      capacity: { slots: this.#options.slots ?? 2, cpu: 8, memoryBytes: 1e9 },
      labels: [],
      pool: "",
      mode: "active",
      host: { hostname: "test", platform: "linux", arch: "x64", pid: 1 },
      versions: { millrace: "0", node: "20", engine: null },
      held: this.#held(),
    });
  }

  #beat(): void {
    this.#send("heartbeat", { mode: "active", load1: 0, freeMemoryBytes: 0, held: this.#held() });
  }

  #held() {
    return [...this.#running.values()].map(({ run, job, attempt, lease }) => ({
      run,
      job,
      attempt,
      lease,
      phase: "running",
    }));
  }

  #send(kind: "hello" | "heartbeat" | "report", body: object): void {
    if (this.#bus.connection.isClosed()) return;
    const sender = {
      v: 1,
      agent: this.name,
      incarnation: `${this.name}-${this.#incarnation}`,
      epoch: this.#epoch,
      ordersSeen: this.#ordersSeen,
    };
    this.#bus.connection.publish(
      this.#bus.subjects.fromAgent(this.name, kind),
      this.#codec.encode({ ...sender, ...body }),
    );
  }
}
