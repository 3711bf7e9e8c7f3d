/**
 * Orders to one agent, made reliable over messages that may be lost: batches are numbered 1, 2, 3 … for each
 * (epoch, incarnation), the agent handles them in order and confirms the last number with whatever it sends.
 *
 *   open ──the agent is given up──▶ closed ──the same incarnation says hello──▶ open
 *
 * Safe: 1. a number is given once, and its batch sent with the same content however often, so handling by number handles
 * once; 2. the numbers go on where they were when the channel is closed and opened again: what was unconfirmed is sent
 * again without its orders, as the agent may have handled it meanwhile. Live: 3. what is not confirmed within
 * `resendAfterMs` is sent again, from the oldest, for as long as the agent lives.
 */
import { wordsOf } from "../../shared/model/job-spec.ts";
import type { Order } from "../../shared/model/messages.ts";

export interface Batch {
  readonly number: number;
  readonly orders: readonly Order[];
}

interface SentBatch extends Batch {
  sentAtMs: number;
}

export interface OrderChannelOptions {
  readonly incarnation: string;
  readonly resendAfterMs: number;
  /** The last number that the agent has handled in this epoch; 0 by default. */
  readonly lastSeen?: number;
}

export class OrderChannel {
  readonly incarnation: string;
  readonly #resendAfterMs: number;
  #next: number;
  #waiting: Order[] = [];
  #unconfirmed: SentBatch[] = [];
  #isOpen = true;

  constructor({ incarnation, resendAfterMs, lastSeen = 0 }: OrderChannelOptions) {
    this.incarnation = incarnation;
    this.#resendAfterMs = resendAfterMs;
    this.#next = lastSeen + 1;
  }

  /** Number of the last batch given, or handled before that; 0 before the first. */
  get lastNumber(): number {
    return this.#next - 1;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  open(): void {
    this.#isOpen = true;
  }

  /** Nothing is ordered any more, and what was has no effect where it has not been handled. */
  close(): void {
    this.#isOpen = false;
    this.#waiting = [];
    this.#unconfirmed = this.#unconfirmed.map((batch) => ({ ...batch, orders: [] }));
  }

  get pending(): number {
    return this.#waiting.length + this.#unconfirmed.length;
  }

  enqueue(order: Order): void {
    this.#waiting.push(order);
  }

  /**
   * The next batch, if need be an empty one: the agent learns that it is known, and of the epoch, even when there is
   * nothing to do.
   */
  greet(nowMs: number): Batch {
    const [oldest] = this.#unconfirmed;
    if (oldest !== undefined) {
      oldest.sentAtMs = nowMs;
      return oldest;
    }
    const batch = { number: this.#next, orders: [], sentAtMs: nowMs };
    this.#next += 1;
    this.#unconfirmed.push(batch);
    return batch;
  }

  /** Batches of what was enqueued since the last call, each of about `maxBytes` or of one order. */
  takeNew(nowMs: number, maxBytes: number): Batch[] {
    const batches: Batch[] = [];
    let orders: Order[] = [];
    let bytes = 0;
    const close = (): void => {
      const batch = { number: this.#next, orders, sentAtMs: nowMs };
      this.#next += 1;
      this.#unconfirmed.push(batch);
      batches.push(batch);
      orders = [];
      bytes = 0;
    };
    for (const order of this.#waiting) {
      const size = approximateBytes(order);
      if (orders.length > 0 && bytes + size > maxBytes) close();
      orders.push(order);
      bytes += size;
    }
    if (orders.length > 0) close();
    this.#waiting = [];
    return batches;
  }

  /** The agent has handled all batches up to this number. */
  onConfirmed(number: number): void {
    while (this.#unconfirmed[0] !== undefined && this.#unconfirmed[0].number <= number)
      this.#unconfirmed.shift();
  }

  /** What has to be sent again, at most `limit` batches. */
  takeOverdue(nowMs: number, limit: number): Batch[] {
    const overdue = this.#unconfirmed
      .slice(0, limit)
      .filter((batch) => nowMs - batch.sentAtMs >= this.#resendAfterMs);
    for (const batch of overdue) batch.sentAtMs = nowMs;
    return overdue;
  }
}

const FIXED_BYTES = 300;

/** Near enough to keep a batch under the server's largest message. */
function approximateBytes(order: Order): number {
  if (order.kind === "cancel") return FIXED_BYTES + 3 * order.reason.length;
  if (order.kind !== "start") return FIXED_BYTES;
  const { spec, env, inputs } = order.request;
  const { run, outputs, image = "", network = "", files = [] } = spec;
  const strings = [
    ...wordsOf(run),
    ...env.flat(),
    ...outputs,
    image,
    network,
    ...inputs.map((input) => input.job),
  ];
  const digests = inputs.length + files.length;
  return strings.reduce((sum, text) => sum + 3 * text.length + 8, FIXED_BYTES + 80 * digests);
}
