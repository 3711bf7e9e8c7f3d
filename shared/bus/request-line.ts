/** Request and reply on internal subjects: at most once, and whoever asks learns when nobody is there. */
import { type Msg, ErrorCode as NatsCode, NatsError, type Subscription } from "nats";
import type { Cancel } from "../actor/contract.ts";
import { MillraceError } from "../model/error.ts";
import type { Bus } from "./connection.ts";

export type LineAnswer =
  | { readonly kind: "answer"; readonly payload: Uint8Array }
  /** Nobody has subscribed to the subject. */
  | { readonly kind: "nobody" }
  /** Not in time, or lost on the way. */
  | { readonly kind: "silence" };

export interface RequestLine {
  /** Rejects only when it never can be asked again. */
  ask(subject: string, payload: Uint8Array, timeoutMs: number): Promise<LineAnswer>;
  /**
   * Answers what comes on a subject, until cancelled; with undefined it stays silent. An answer that no message can hold
   * arrives empty.
   */
  serve(subject: string, answer: LineHandler): Cancel;
}

export type LineHandler = (payload: Uint8Array, subject: string) => Promise<Uint8Array | undefined>;

/** The line over core NATS. */
export class NatsRequestLine implements RequestLine {
  readonly #bus: Bus;

  constructor(bus: Bus) {
    this.#bus = bus;
  }

  async ask(subject: string, payload: Uint8Array, timeoutMs: number): Promise<LineAnswer> {
    const { connection } = this.#bus;
    try {
      const reply = await connection.request(subject, payload, { timeout: Math.max(1, timeoutMs) });
      return { kind: "answer", payload: reply.data };
    } catch (cause) {
      if (connection.isClosed()) {
        throw new MillraceError("unavailable", "the connection to the server is closed", { cause });
      }
      const isNobody = cause instanceof NatsError && cause.code === NatsCode.NoResponders;
      return { kind: isNobody ? "nobody" : "silence" };
    }
  }

  serve(subject: string, answer: LineHandler): Cancel {
    const subscription: Subscription = this.#bus.connection.subscribe(subject, {
      callback: (error, message) => {
        // A refused subscription is told by the bus as the status `denied`.
        if (error === null) void respond(message, answer);
      },
    });
    return () => subscription.unsubscribe();
  }
}

/** What fails stays unanswered: who asks has a time limit, and asks again. */
async function respond(message: Msg, answer: LineHandler): Promise<void> {
  const [outcome] = await Promise.allSettled([answer(message.data, message.subject)]);
  if (outcome.status !== "fulfilled" || outcome.value === undefined) return;
  try {
    message.respond(outcome.value);
  } catch (error) {
    if (!(error instanceof NatsError)) throw error;
    if (error.code === NatsCode.MaxPayloadExceeded) message.respond();
  }
}
