/** What an agent says to the coordinator, each message with who says it and how far its orders were handled. */
import type { Codec, Context } from "../../shared/actor/contract.ts";
import type { AgentMessageKind, Subjects } from "../../shared/bus/subjects.ts";
import type { Pairs } from "../../shared/model/job-spec.ts";
import {
  type AgentMode,
  type AnswerReport,
  type Capacity,
  type HeldAttempt,
  type Hello,
  PROTOCOL_VERSION,
  type ReportItem,
} from "../../shared/model/messages.ts";
import type { OrderChannel } from "../core/order-channel.ts";

/** What an agent says of itself. */
interface AgentIdentity extends Pick<Hello, "host" | "abilities" | "versions"> {
  readonly name: string;
  readonly capacity: Capacity;
  readonly labels: Pairs;
  readonly pool: string;
}

export interface AgentVoiceOptions {
  readonly identity: AgentIdentity;
  readonly subjects: Subjects;
  readonly codec: Codec;
  readonly readLoad: () => { readonly load1: number; readonly freeMemoryBytes: number };
}

/** Whom and what a message is about. */
interface Present {
  readonly mode: AgentMode;
  readonly held: readonly HeldAttempt[];
  readonly trouble: string | undefined;
}

/** A server with its usual settings carries twice as much; what has more to report is divided. */
const MAX_REPORT_BYTES = 512 * 1024;

export class AgentVoice {
  readonly #options: AgentVoiceOptions;
  readonly #channel: OrderChannel;
  readonly #publish: Context<never>["publish"];

  constructor(options: AgentVoiceOptions, channel: OrderChannel, publish: Context<never>["publish"]) {
    this.#options = options;
    this.#channel = channel;
    this.#publish = publish;
  }

  hello({ mode, held, trouble }: Present): void {
    const { capacity, labels, pool, host, abilities, versions } = this.#options.identity;
    const troubled = trouble === undefined ? {} : { trouble };
    this.#send("hello", { capacity, labels, pool, mode, host, abilities, versions, held, ...troubled });
  }

  heartbeat({ mode, held, trouble }: Present): void {
    const troubled = trouble === undefined ? {} : { trouble };
    const refused = [...this.#channel.refused];
    this.#send("heartbeat", { mode, ...this.#options.readLoad(), held, refused, ...troubled });
  }

  /** Says what is given; without anything to say only if orders were handled that nothing has confirmed. */
  report(items: readonly ReportItem[]): void {
    const { seen, confirmed } = this.#channel;
    if (items.length > 0 || confirmed < seen) this.#sendReport(items);
  }

  /** Answers a question about its host. */
  answer(id: string, answer: AnswerReport["answer"]): void {
    this.#send("answer", { id, answer });
  }

  bye(reason: string): void {
    this.#send("bye", { reason });
  }

  /** In as many messages as it takes; an item is never divided. */
  #sendReport(items: readonly ReportItem[]): void {
    const payload = this.#encode({ items });
    if (payload.length <= MAX_REPORT_BYTES || items.length < 2) return this.#sendEncoded("report", payload);
    const middle = items.length >> 1;
    this.#sendReport(items.slice(0, middle));
    this.#sendReport(items.slice(middle));
  }

  #send(kind: AgentMessageKind, fields: object): void {
    this.#sendEncoded(kind, this.#encode(fields));
  }

  #encode(fields: object): Uint8Array {
    const { identity, codec } = this.#options;
    const { incarnation, epoch, seen } = this.#channel;
    const sender = { v: PROTOCOL_VERSION, agent: identity.name, incarnation, epoch, ordersSeen: seen };
    return codec.encode({ ...sender, ...fields });
  }

  #sendEncoded(kind: AgentMessageKind, payload: Uint8Array): void {
    const { subjects, identity } = this.#options;
    this.#channel.confirmed = this.#channel.seen;
    this.#publish(subjects.fromAgent(identity.name, kind), payload);
  }
}
