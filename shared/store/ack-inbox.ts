/**
 * JetStream publishes in flight by the thousand: one inbox for all acknowledgements and a callback for each, where
 * the client's own publish has a request, a promise and a timer.
 *
 * A publish is waiting, then settled exactly once: stored, refused (the server said why), or lost (nothing is known
 * of it). Safe: what is called stored has been acknowledged by the stream. Live: a publish without an answer is
 * settled as lost when the connection breaks, or after the limit, so nobody waits for ever.
 */
import { createInbox, type Msg, type MsgHdrs, type NatsConnection } from "nats";
import { reasonOf } from "../model/error.ts";
import { Link } from "./link.ts";

/** What became of a publish. `lost` means unknown: it may be stored. */
export type Acknowledgement =
  | { readonly kind: "stored"; readonly seq: number }
  | { readonly kind: "refused"; readonly code: number; readonly reason: string }
  | { readonly kind: "lost"; readonly reason: string };

/** The stream's refusal of a compare-and-set: the subject's last sequence is another one. */
export const WRONG_LAST_SEQUENCE = 10071;

/** Limits of the account, the server's resources or memory or storage, and of the stream, in this order. */
const fullCodes: ReadonlySet<number> = new Set([10002, 10023, 10028, 10047, 10077]);

/** Whether a refusal says that storage is full: time alone does not mend that. */
export function saysFull(code: number): boolean {
  return fullCodes.has(code);
}

interface Waiting {
  readonly since: number;
  readonly settle: (acknowledgement: Acknowledgement) => void;
}

const SWEEP_MS = 500;

/** Publishes to streams and tells each one's fate. One of these serves a whole process. */
export class AckInbox {
  readonly #connection: NatsConnection;
  readonly #prefix: string;
  readonly #limitMs: number;
  readonly #waiting = new Map<string, Waiting>();
  readonly #link: Link;
  readonly #end: () => void;
  #next = 0;
  #closed = false;
  #sweep: NodeJS.Timeout | undefined;

  /** `limitMs`: after which a publish without an answer counts as lost; 15 s by default. */
  constructor(connection: NatsConnection, { limitMs = 15_000 }: { limitMs?: number } = {}) {
    this.#connection = connection;
    this.#limitMs = limitMs;
    this.#prefix = `${createInbox()}.`;
    const subscription = connection.subscribe(`${this.#prefix}*`, {
      callback: (error, message) => {
        // A refused subscription is told by the bus as the status `denied`; what waits is lost after its limit.
        if (error === null) this.#onMessage(message);
      },
    });
    this.#link = Link.of(connection);
    const unlisten = this.#link.onChange(() => this.#loseAll("disconnected"));
    this.#end = () => {
      unlisten();
      subscription.unsubscribe();
    };
  }

  /** Sends one message; `settle` is called once, never from within this call. */
  publish(
    subject: string,
    payload: Uint8Array,
    headers: MsgHdrs | undefined,
    settle: (acknowledgement: Acknowledgement) => void,
  ): void {
    if (this.#closed || this.#link.state !== "up") {
      queueMicrotask(() => settle({ kind: "lost", reason: "not connected" }));
      return;
    }
    const token = (this.#next++).toString(36);
    this.#waiting.set(token, { since: performance.now(), settle });
    this.#sweep ??= setInterval(() => this.#dropOverdue(), SWEEP_MS);
    try {
      this.#connection.publish(subject, payload, {
        reply: this.#prefix + token,
        ...(headers === undefined ? {} : { headers }),
      });
    } catch (error) {
      const reason = reasonOf(error);
      queueMicrotask(() => this.#settle(token, { kind: "lost", reason }));
    }
  }

  /** The same as a promise. */
  published(subject: string, payload: Uint8Array, headers?: MsgHdrs): Promise<Acknowledgement> {
    return new Promise((resolve) => this.publish(subject, payload, headers, resolve));
  }

  /** Everything that waits is lost, and so is what comes later. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#end();
    this.#loseAll("closed");
  }

  #onMessage(message: Msg): void {
    this.#settle(message.subject.slice(this.#prefix.length), readAcknowledgement(message));
  }

  #settle(token: string, acknowledgement: Acknowledgement): void {
    const waiting = this.#waiting.get(token);
    if (waiting === undefined) return; // answered after its time: settled as lost already
    this.#waiting.delete(token);
    if (this.#waiting.size === 0) this.#stopSweep();
    waiting.settle(acknowledgement);
  }

  #loseAll(reason: string): void {
    for (const token of [...this.#waiting.keys()]) this.#settle(token, { kind: "lost", reason });
  }

  #dropOverdue(): void {
    const limit = performance.now() - this.#limitMs;
    for (const [token, { since }] of this.#waiting) {
      if (since > limit) return; // in order of publishing
      this.#settle(token, { kind: "lost", reason: `no acknowledgement within ${this.#limitMs} ms` });
    }
  }

  #stopSweep(): void {
    clearInterval(this.#sweep);
    this.#sweep = undefined;
  }
}

function readAcknowledgement(message: Msg): Acknowledgement {
  if (message.data.length === 0) {
    return { kind: "lost", reason: `no stream took it (status ${message.headers?.code ?? "none"})` };
  }
  const answer = message.json<{
    seq?: number;
    error?: { err_code?: number; code: number; description: string };
  }>();
  if (answer.error !== undefined) {
    const { err_code: code = answer.error.code, description } = answer.error;
    // 503 is a stream without a leader or a server about to stop, where the same publish works later.
    if (answer.error.code === 503 && !saysFull(code)) return { kind: "lost", reason: description };
    return { kind: "refused", code, reason: description };
  }
  return { kind: "stored", seq: answer.seq ?? 0 };
}
