/**
 * Reads the stored messages of one subject in order, across reconnects, with flat memory.
 *
 * States: detached (no consumer), attached (an ephemeral pull consumer, asked for at most `window` messages ahead of
 * the reader). Whatever looks wrong (connection lost, a gap in the consumer's numbers, silence, a refusal) detaches;
 * the next call attaches again after the last message that was handed out.
 *
 * 1. Messages are handed out in the order of the stream, none twice, none left out that the stream still holds:
 *    a consumer starts after the last one handed out, and its deliveries are numbered without gap.
 * 2. What is asked for and not handed out never exceeds `window`, however slow the reader is. Pulling needs no
 *    flow-control messages, which an account may not be allowed to send.
 * 3. A reader that waits gets on: silence beyond the heartbeats detaches.
 * 4. Without `follow` all is read that was acknowledged before the reading began, unless it was removed. A consumer reads
 *    from one replica, and one that lags ends too early: at its end the stream's leader is asked for the last message,
 *    and what is missing is looked for again; as the leader is asked each time, nobody waits for what was removed.
 */
import { setTimeout as sleep } from "node:timers/promises";
import {
  AckPolicy,
  type ConsumerConfig,
  createInbox,
  DeliverPolicy,
  type JetStreamManager,
  type Msg,
  type MsgHdrs,
  type NatsConnection,
  NatsError,
  nanos,
} from "nats";
import { STREAM_NOT_FOUND } from "../bus/streams.ts";
import { asMillraceError, MillraceError } from "../model/error.ts";
import { Link } from "./link.ts";
import { lastMessage } from "./stream-messages.ts";

/** A message as the stream holds it. */
export interface StoredMessage {
  readonly seq: number;
  readonly subject: string;
  /** By the server's clock. */
  readonly storedAtMs: number;
  readonly headers: MsgHdrs | undefined;
  readonly data: Uint8Array;
}

export interface SubjectReaderOptions {
  readonly stream: string;
  /** May have wildcards. */
  readonly subject: string;
  /** Lowest sequence to read; from the stream's start when left out. */
  readonly fromSeq?: number;
  /** Only what was stored at or after this time. */
  readonly fromTime?: Date;
  /** Only the last message of each subject; after a reconnect older ones may come, too. */
  readonly lastOfEach?: boolean;
  /** Leaves the data out; the header `Nats-Msg-Size` tells its length. */
  readonly headersOnly?: boolean;
  /** Waits for what will be stored instead of ending with what was there. */
  readonly follow: boolean;
  /** Messages held in memory at most. */
  readonly window: number;
  /** Gives up when no consumer can be made for so long; without it a follower waits for ever. */
  readonly patienceMs?: number;
}

interface Attachment {
  readonly consumer: string;
  readonly inbox: string;
  readonly unsubscribe: () => void;
}

/** `end`: all that was stored is read. `woken`: `wake` was called. */
export type ReadStep = StoredMessage | "end" | "woken";

const HEARTBEAT_MS = 5_000;
const PULL_MS = 30_000;
const SILENCE_MS = 2.5 * HEARTBEAT_MS;
const RETRY_MS = { first: 50, most: 2_000 };
/** Before a replica that lags is asked again. */
const LAG_PAUSE_MS = 20;

/** Whether all is read, as the stream's leader says. */
type Wholeness =
  | { readonly kind: "unknown" }
  | { readonly kind: "asked" }
  /** The leader had messages up to this one. */
  | { readonly kind: "until"; readonly seq: number }
  | { readonly kind: "whole" }
  | { readonly kind: "failed"; readonly error: unknown };

/** A position in a subject of a stream. Must be closed. */
export class SubjectReader {
  readonly #connection: NatsConnection;
  readonly #options: SubjectReaderOptions;
  readonly #link: Link;
  readonly #unlisten: () => void;
  #manager: Promise<JetStreamManager> | undefined;
  #attachment: Attachment | undefined;
  #queue: StoredMessage[] = [];
  #asked = 0;
  #delivered = 0;
  #lastSeq: number;
  #left = Number.POSITIVE_INFINITY;
  /** Messages still to be read that were there at the first call. */
  #bound = Number.POSITIVE_INFINITY;
  #wholeness: Wholeness = { kind: "unknown" };
  #wasAttached = false;
  #woken = false;
  #closed = false;
  #signal: (() => void) | undefined;

  constructor(connection: NatsConnection, options: SubjectReaderOptions) {
    this.#connection = connection;
    this.#options = options;
    this.#lastSeq = (options.fromSeq ?? 1) - 1;
    this.#link = Link.of(connection);
    this.#unlisten = this.#link.onChange(() => this.#detach());
  }

  /** The next message. Not to be called again before it has answered. */
  async next(): Promise<ReadStep> {
    for (;;) {
      if (this.#woken) {
        this.#woken = false;
        return "woken";
      }
      const message = this.#queue.shift();
      if (message !== undefined) {
        this.#lastSeq = message.seq;
        this.#pull();
        return message;
      }
      if (this.#closed || this.#isWhole()) return "end";
      if (this.#wholeness.kind === "asked") await this.#pause(SILENCE_MS);
      else if (this.#attachment === undefined) await this.#attach();
      else await this.#wait();
    }
  }

  /** All that was stored when last heard of has been handed out. */
  get caughtUp(): boolean {
    return this.#left === 0 && this.#queue.length === 0;
  }

  /** Makes a call of `next` that waits, or else the next one, answer `woken`. */
  wake(): void {
    this.#woken = true;
    this.#signal?.();
  }

  close(): void {
    this.#closed = true;
    this.#unlisten();
    this.#detach();
  }

  /** Whether nothing is left to read; asks the leader at the end of what a replica had. */
  #isWhole(): boolean {
    if (this.#options.follow || this.#left > 0 || this.#wholeness.kind === "asked") return false;
    if (this.#wholeness.kind === "failed") throw this.#wholeness.error;
    if (this.#wholeness.kind === "until" && this.#wholeness.seq <= this.#lastSeq) return true;
    if (this.#wholeness.kind === "whole") return true;
    const until = this.#wholeness.kind === "until" ? this.#wholeness.seq : Number.POSITIVE_INFINITY;
    this.#wholeness = { kind: "asked" };
    void this.#askLeader(until).then((wholeness) => {
      this.#wholeness = wholeness;
      if (wholeness.kind === "until") this.#lookAgain();
      this.#signal?.();
    });
    return false;
  }

  /** `until`: what the leader had when it was asked first; what has come since is not waited for. */
  async #askLeader(until: number): Promise<Wholeness> {
    const { stream, subject, fromTime } = this.#options;
    try {
      const last = await lastMessage(this.#connection, stream, subject);
      const isBehind = last !== undefined && last.seq > this.#lastSeq;
      if (!isBehind || last.storedAtMs < (fromTime?.getTime() ?? 0)) return { kind: "whole" };
      await sleep(LAG_PAUSE_MS);
      return { kind: "until", seq: Math.min(until, last.seq) };
    } catch (error) {
      return { kind: "failed", error };
    }
  }

  #lookAgain(): void {
    this.#bound = Number.POSITIVE_INFINITY;
    this.#detach();
  }

  async #attach(): Promise<void> {
    const { patienceMs = Number.POSITIVE_INFINITY } = this.#options;
    const started = performance.now();
    for (let retryMs = RETRY_MS.first; !this.#closed && !this.#woken; ) {
      if ((await this.#link.settled(RETRY_MS.most)) === "closed") {
        throw new MillraceError("unavailable", "the connection to the server is closed");
      }
      try {
        if (this.#link.state === "up") return await this.#makeConsumer();
      } catch (error) {
        const triedMs = performance.now() - started;
        const isDenied = !this.#wasAttached && isStreamNotFound(error);
        if (isDenied && triedMs > RECOVERY_MS) throw noStream(this.#options.stream, error);
        if (triedMs > patienceMs) {
          throw asMillraceError(error, `cannot read stream ${this.#options.stream}`, "unavailable");
        }
      }
      await this.#pause(retryMs);
      retryMs = Math.min(2 * retryMs, RETRY_MS.most);
    }
  }

  async #makeConsumer(): Promise<void> {
    const { stream, subject } = this.#options;
    this.#manager ??= this.#connection.jetstreamManager({ checkAPI: false });
    const manager = await this.#manager;
    const info = await manager.consumers.add(stream, {
      filter_subject: subject,
      ack_policy: AckPolicy.None,
      ...this.#place(),
      mem_storage: true,
      ...(this.#options.headersOnly ? { headers_only: true } : {}),
      inactive_threshold: nanos(2 * PULL_MS),
    });
    const inbox = createInbox();
    const subscription = this.#connection.subscribe(inbox, {
      callback: (error, message) => {
        // A refused subscription is told by the bus as the status `denied`; to the reader it is silence.
        if (error === null) this.#onMessage(inbox, message);
      },
    });
    this.#attachment = {
      consumer: info.name,
      inbox,
      unsubscribe: () => {
        subscription.unsubscribe();
        // It also ends by itself when nobody pulls, so a failure to delete it needs no answer.
        if (this.#link.state === "up") manager.consumers.delete(stream, info.name).catch(() => undefined);
      },
    };
    this.#wasAttached = true;
    this.#bound = this.#options.lastOfEach ? info.num_pending : Math.min(this.#bound, info.num_pending);
    this.#left = this.#options.follow ? info.num_pending : this.#bound;
    this.#delivered = 0;
    this.#asked = 0;
    if (this.#closed || this.#link.state !== "up") this.#detach();
    else this.#pull();
  }

  #place(): Partial<ConsumerConfig> {
    const { fromTime, lastOfEach } = this.#options;
    if (this.#lastSeq > 0) {
      return { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: this.#lastSeq + 1 };
    }
    if (lastOfEach) return { deliver_policy: DeliverPolicy.LastPerSubject };
    if (fromTime === undefined) return { deliver_policy: DeliverPolicy.All };
    return { deliver_policy: DeliverPolicy.StartTime, opt_start_time: fromTime.toISOString() };
  }

  #pull(): void {
    const { stream, window, follow } = this.#options;
    const room = window - this.#queue.length - this.#asked;
    if (this.#attachment === undefined || room < Math.ceil(window / 2) || (!follow && this.#left === 0))
      return;
    const { consumer, inbox } = this.#attachment;
    const request = { batch: room, expires: nanos(PULL_MS), idle_heartbeat: nanos(HEARTBEAT_MS) };
    this.#asked += room;
    this.#connection.publish(`$JS.API.CONSUMER.MSG.NEXT.${stream}.${consumer}`, JSON.stringify(request), {
      reply: inbox,
    });
  }

  #onMessage(inbox: string, message: Msg): void {
    if (this.#attachment?.inbox !== inbox) return;
    const status = message.subject === inbox ? (message.headers?.code ?? 0) : 0;
    if (status === 404 || status === 408) {
      const undelivered = Number(message.headers?.get("Nats-Pending-Messages") || this.#asked);
      this.#asked = Math.max(0, this.#asked - undelivered);
      this.#pull();
    } else if (status >= 200) {
      this.#detach();
    } else if (status === 0) {
      this.#onDelivery(message);
    }
    this.#signal?.();
  }

  #onDelivery(message: Msg): void {
    const { streamSequence, deliverySequence, storedAtMs, pending } = readDelivery(message.reply ?? "");
    this.#delivered += 1;
    if (deliverySequence !== this.#delivered) return this.#detach();
    this.#asked = Math.max(0, this.#asked - 1);
    // What was asked for ahead may have been stored since.
    if (!this.#options.follow && this.#left === 0) return;
    this.#bound -= 1;
    this.#left = this.#options.follow ? pending : this.#bound;
    this.#queue.push({
      seq: streamSequence,
      subject: message.subject,
      storedAtMs,
      headers: message.headers,
      data: message.data,
    });
  }

  /** What is queued stays good: a new consumer starts after the last of it. */
  #detach(): void {
    const attachment = this.#attachment;
    this.#attachment = undefined;
    this.#left = Number.POSITIVE_INFINITY;
    attachment?.unsubscribe();
    this.#signal?.();
  }

  /** Until something arrives; silence beyond the heartbeats detaches. */
  async #wait(): Promise<void> {
    this.#pull();
    if (!(await this.#pause(SILENCE_MS))) this.#detach();
  }

  /** Resolves with false when the time is up, with true when it was woken before. */
  #pause(limitMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      const done = (woken: boolean) => {
        clearTimeout(timer);
        this.#signal = undefined;
        resolve(woken);
      };
      const timer = setTimeout(() => done(false), limitMs);
      this.#signal = () => done(true);
    });
  }
}

/** The messages in order, until the signal comes; without `follow`, up to the end of those that are stored. */
export async function* storedMessages(
  connection: NatsConnection,
  options: SubjectReaderOptions,
  signal?: AbortSignal,
): AsyncGenerator<StoredMessage> {
  const reader = new SubjectReader(connection, options);
  const end = (): void => reader.close();
  signal?.addEventListener("abort", end);
  if (signal?.aborted) end();
  try {
    for (;;) {
      const step = await reader.next();
      if (step === "end") return;
      if (step !== "woken") yield step;
    }
  } finally {
    signal?.removeEventListener("abort", end);
    reader.close();
  }
}

/** A server that has just started denies its streams until it has read them. */
const RECOVERY_MS = 5_000;

function isStreamNotFound(error: unknown): boolean {
  return error instanceof NatsError && error.api_error?.err_code === STREAM_NOT_FOUND;
}

function noStream(stream: string, cause: unknown): MillraceError {
  return new MillraceError("notFound", `the server has no stream ${stream}`, {
    fix: "Start a coordinator for this namespace, or name another namespace.",
    cause,
  });
}

/**
 * A delivery's numbers are in its reply subject: `$JS.ACK.<stream>.<consumer>.<deliveries>.<stream sequence>
 * .<delivery sequence>.<time>.<pending>`, in newer servers with domain and account before the stream, and a token
 * after the rest.
 */
function readDelivery(reply: string): {
  streamSequence: number;
  deliverySequence: number;
  storedAtMs: number;
  pending: number;
} {
  const tokens = reply.split(".");
  const first = tokens.length === 9 ? 5 : 7;
  return {
    streamSequence: Number(tokens[first]),
    deliverySequence: Number(tokens[first + 1]),
    storedAtMs: Math.floor(Number(tokens[first + 2]) / 1_000_000),
    pending: Number(tokens[first + 3]),
  };
}
