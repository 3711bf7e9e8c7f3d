/** The coordinator's end of the protocol, by hand: gives orders as told and records what the agent says. */
import { MessageCodec } from "../../../shared/actor/message-codec.ts";
import type { Bus } from "../../../shared/bus/connection.ts";
import {
  type AnswerReport,
  answerReportSchema,
  byeSchema,
  type Heartbeat,
  type Hello,
  heartbeatSchema,
  helloSchema,
  type Order,
  type Orders,
  type ReportItem,
  reportSchema,
} from "../../../shared/model/messages.ts";
import { waitUntil } from "../../support/wait-until.ts";

type Answer = Exclude<ReportItem, { kind: "started" | "progress" }>;

export class ScriptedCoordinator {
  readonly hellos: Hello[] = [];
  readonly heartbeats: Heartbeat[] = [];
  readonly items: ReportItem[] = [];
  readonly answers: AnswerReport[] = [];
  readonly reportSizes: number[] = [];
  readonly byes: string[] = [];
  readonly #bus: Bus;
  readonly #agent: string;
  readonly #codec = new MessageCodec();
  epoch = 1;
  ordersSeen = 0;
  settles = true;
  heartbeatMs = 200;
  /** Number of the last batch it sent. */
  lastNumber = 0;

  constructor(bus: Bus, agent: string) {
    this.#bus = bus;
    this.#agent = agent;
    bus.connection.subscribe(bus.subjects.fromAgentAll(), {
      callback: (_, message) => this.#hear(message.subject.split(".").at(-1) ?? "", message.data),
    });
  }

  get incarnation(): string {
    return this.hellos.at(-1)?.incarnation ?? "";
  }

  /** Sends the next numbered batch. */
  order(...orders: Order[]): void {
    this.lastNumber += 1;
    this.send({ number: this.lastNumber, orders });
  }

  /** Sends any batch, with what is given instead of what would be right. */
  send(fields: Partial<Orders>): void {
    const orders: Orders = {
      v: 1,
      epoch: this.epoch,
      incarnation: this.incarnation,
      number: 0,
      heartbeatMs: this.heartbeatMs,
      orders: [],
      ...fields,
    };
    this.#bus.connection.publish(this.#bus.subjects.toAgent(this.#agent), this.#codec.encode(orders));
  }

  async joined(): Promise<void> {
    await waitUntil("the agent says hello", () => this.hellos.length > 0);
  }

  /** The first `finished` or `returned` item of a lease. */
  async answerOf(lease: string): Promise<Answer> {
    return waitUntil(
      `the agent answers ${lease}`,
      () => this.items.find((item): item is Answer => item.lease === lease && isAnswer(item)),
      { timeoutMs: 20_000, diagnose: () => ({ items: this.items, heartbeat: this.heartbeats.at(-1) }) },
    );
  }

  async started(lease: string): Promise<void> {
    await waitUntil(`${lease} starts`, () =>
      this.items.some((it) => it.lease === lease && it.kind === "started"),
    );
  }

  #hear(kind: string, payload: Uint8Array): void {
    const message = this.#codec.decode(payload);
    if (kind === "hello") {
      const hello = helloSchema.parse(message);
      this.hellos.push(hello);
      this.lastNumber = hello.epoch === this.epoch ? hello.ordersSeen : 0;
      this.order();
    } else if (kind === "heartbeat") {
      this.heartbeats.push(heartbeatSchema.parse(message));
    } else if (kind === "answer") {
      this.answers.push(answerReportSchema.parse(message));
    } else if (kind === "bye") {
      this.byes.push(byeSchema.parse(message).reason);
    } else {
      const report = reportSchema.parse(message);
      this.ordersSeen = report.ordersSeen;
      this.reportSizes.push(report.items.length);
      this.items.push(...report.items);
      const done = report.items.filter(isAnswer);
      if (this.settles && done.length > 0) {
        this.order(
          ...done.map(({ run, job, attempt, lease }) => ({
            kind: "settle" as const,
            run,
            job,
            attempt,
            lease,
          })),
        );
      }
    }
  }
}

function isAnswer(item: ReportItem): item is Answer {
  return item.kind !== "started" && item.kind !== "progress";
}
