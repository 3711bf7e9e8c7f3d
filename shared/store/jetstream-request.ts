/** Requests to the JetStream API that wait until the server can answer them. */
import { setTimeout as sleep } from "node:timers/promises";
import type { NatsConnection } from "nats";
import { z } from "zod";
import { STREAM_NOT_FOUND } from "../bus/streams.ts";
import { MillraceError } from "../model/error.ts";
import { Link } from "./link.ts";

/** What the server says of a request: its result, or why not. */
export type JetStreamAnswer<T> =
  | { readonly kind: "done"; readonly result: T }
  | { readonly kind: "refused"; readonly code: number; readonly reason: string };

const REQUEST_TIMEOUT_MS = 3_000;
const RETRY_MS = 100;
const LINK_CHECK_MS = 1_000;
/** A server that has just started denies its streams until it has read them all. */
const RECOVERY_MS = 60_000;

const errorSchema = z.object({
  error: z.object({ code: z.number(), err_code: z.number().optional(), description: z.string().default("") }),
});

/**
 * Asks `$JS.API.<verb>` until there is an answer: no server, no leader and lost requests are waited out, and so is,
 * for a minute, a stream that is not there. So it is for requests that may be repeated, to streams that were made.
 */
export async function askJetStream<T>(
  connection: NatsConnection,
  verb: string,
  body: object,
  resultSchema: z.ZodType<T>,
  signal?: AbortSignal,
): Promise<JetStreamAnswer<T>> {
  const payload = JSON.stringify(body);
  const patienceEndsMs = performance.now() + RECOVERY_MS;
  for (;;) {
    const answer = await ask(connection, `$JS.API.${verb}`, payload);
    const failure = errorSchema.safeParse(answer);
    if (answer !== undefined && !failure.success) return { kind: "done", result: resultSchema.parse(answer) };
    if (failure.success && failure.data.error.code !== 503) {
      const { code, err_code, description } = failure.data.error;
      if (err_code !== STREAM_NOT_FOUND || performance.now() > patienceEndsMs) {
        return { kind: "refused", code: err_code ?? code, reason: description };
      }
    }
    await untilReady(connection, signal);
  }
}

/** Resolves after a moment, when the server can be reached again; throws when it never will be. */
export async function untilReady(connection: NatsConnection, signal?: AbortSignal): Promise<void> {
  const link = Link.of(connection);
  signal?.throwIfAborted();
  await sleep(RETRY_MS);
  while (link.state === "down") {
    signal?.throwIfAborted();
    await link.settled(LINK_CHECK_MS);
  }
  signal?.throwIfAborted();
  if (link.state === "closed")
    throw new MillraceError("unavailable", "the connection to the server is closed");
}

/** The parsed answer, or undefined when none came: no responder, not in time, or cut off. */
async function ask(connection: NatsConnection, subject: string, payload: string): Promise<unknown> {
  try {
    return (await connection.request(subject, payload, { timeout: REQUEST_TIMEOUT_MS })).json();
  } catch (cause) {
    if (!connection.isClosed()) return undefined;
    throw new MillraceError("unavailable", "the connection to the server is closed", { cause });
  }
}
