/**
 * What is remembered of jobs, as the last message of a subject for each key. Entries are independent of each other, so they
 * are read and written side by side, without waiting for one another.
 */
import type { z } from "zod";
import type { Bus } from "../../shared/bus/connection.ts";
import { MillraceError } from "../../shared/model/error.ts";
import type { AckInbox } from "../../shared/store/ack-inbox.ts";
import { lastMessageDirect } from "../../shared/store/stream-messages.ts";
import {
  type KeyKind,
  type LastTime,
  lastTimeSchema,
  type Remembered,
  type ReuseStore,
  rememberedSchema,
} from "./reuse-store.ts";

/** After that nobody waits for an answer any more. */
const READ_LIMIT_MS = 5_000;

export class JetStreamReuseStore implements ReuseStore {
  readonly #bus: Bus;
  readonly #inbox: AckInbox;

  /** `ensureStreams` has made the stream. */
  constructor(bus: Bus, inbox: AckInbox) {
    this.#bus = bus;
    this.#inbox = inbox;
  }

  find(kind: KeyKind, key: string): Promise<Remembered | undefined> {
    return this.#last(this.#bus.subjects.reuseKey(kind, key), rememberedSchema);
  }

  lastTime(job: string): Promise<LastTime | undefined> {
    return this.#last(this.#bus.subjects.reuseJob(job), lastTimeSchema);
  }

  remember(kind: KeyKind, result: Remembered): Promise<void> {
    return this.#store(this.#bus.subjects.reuseKey(kind, result[kind]), result);
  }

  rememberTime(job: string, last: LastTime): Promise<void> {
    return this.#store(this.#bus.subjects.reuseJob(job), last);
  }

  async #last<T>(subject: string, schema: z.ZodType<T>): Promise<T | undefined> {
    const signal = AbortSignal.timeout(READ_LIMIT_MS);
    const { connection, subjects } = this.#bus;
    let message: Awaited<ReturnType<typeof lastMessageDirect>>;
    try {
      message = await lastMessageDirect(connection, subjects.reuseStream(), subject, signal);
    } catch (cause) {
      if (cause instanceof MillraceError) throw cause;
      throw new MillraceError("unavailable", `the stream ${subjects.reuseStream()} can't be read`, { cause });
    }
    const parsed = schema.safeParse(message === undefined ? undefined : jsonIn(message.data));
    return parsed.data;
  }

  async #store(subject: string, value: Remembered | LastTime): Promise<void> {
    const answer = await this.#inbox.published(subject, Buffer.from(JSON.stringify(value)));
    if (answer.kind === "stored") return;
    const stream = this.#bus.subjects.reuseStream();
    throw new MillraceError("unavailable", `the stream ${stream} does not take a message: ${answer.reason}`, {
      fix: "See the limits of the stream and of the server's JetStream.",
    });
  }
}

function jsonIn(data: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(data).toString());
  } catch {
    // Of another version, or of somebody else: as if there were none.
    return undefined;
  }
}
