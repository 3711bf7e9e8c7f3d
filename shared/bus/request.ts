/**
 * The client's side of the control API. Every verb may be sent twice with the effect of once (a submit names its
 * run), so a request that got no answer is repeated until the deadline: across a reconnect, a restart of the
 * coordinator, or a change of leader.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { type Msg, ErrorCode as NatsCode, NatsError } from "nats";
import { z } from "zod";
import { type ApiRequest, type ApiResult, api, apiFailureSchema, type Verb } from "../model/api.ts";
import { type ErrorCode, MillraceError } from "../model/error.ts";
import type { Bus } from "./connection.ts";

export interface CallOptions {
  /** Until when answers are waited for; `Infinity` waits for ever. 10 s by default. */
  readonly timeoutMs?: number;
}

const DEFAULT_TIMEOUT_MS = 10_000;
const ATTEMPT_TIMEOUT_MS = 5_000;
const RETRY_MIN_MS = 20;
const RETRY_MAX_MS = 500;

const errorCodes: ReadonlySet<string> = new Set<ErrorCode>([
  "badInput",
  "notFound",
  "conflict",
  "refused",
  "unavailable",
  "timeout",
  "corrupt",
  "deposed",
  "unsupported",
  "internal",
]);

/** Asks the coordinator of the bus's namespace. A refusal is thrown as the MillraceError it was there. */
export async function callApi<V extends Verb>(
  bus: Bus,
  verb: V,
  request: ApiRequest<V>,
  { timeoutMs = DEFAULT_TIMEOUT_MS }: CallOptions = {},
): Promise<ApiResult<V>> {
  const body = JSON.stringify(request);
  const deadline = performance.now() + timeoutMs;
  for (let retryMs = RETRY_MIN_MS; ; retryMs = Math.min(retryMs * 2, RETRY_MAX_MS)) {
    const leftMs = deadline - performance.now();
    try {
      const reply = await attempt(bus, verb, body, Math.max(1, Math.min(ATTEMPT_TIMEOUT_MS, leftMs)));
      return readReply(verb, reply.data);
    } catch (error) {
      if (!isNoAnswer(error)) throw requestError(verb, body, bus, error);
      if (performance.now() + retryMs >= deadline) throw unanswered(bus, verb, timeoutMs, error);
      await sleep(retryMs);
    }
  }
}

/** One request; a reconnect ends it early, as what was under way before is lost. */
async function attempt(bus: Bus, verb: Verb, body: string, timeoutMs: number): Promise<Msg> {
  const request = bus.connection.request(bus.subjects.api(verb), body, { timeout: timeoutMs });
  let cancel = (): void => undefined;
  const reconnected = new Promise<never>((_, reject) => {
    cancel = bus.onStatus(({ kind }) => {
      if (kind === "connected") reject(NatsError.errorForCode(NatsCode.Disconnect));
    });
  });
  try {
    return await Promise.race([request, reconnected]);
  } finally {
    cancel();
  }
}

function readReply<V extends Verb>(verb: V, bytes: Uint8Array): ApiResult<V> {
  const replySchema = z.union([z.object({ ok: z.literal(true), result: z.unknown() }), apiFailureSchema]);
  const reply = replySchema.safeParse(parseJson(bytes));
  if (!reply.success) throw unreadable(verb, reply.error);
  if (!reply.data.ok) {
    const { code, message, fix } = reply.data.error;
    throw new MillraceError(errorCodes.has(code) ? (code as ErrorCode) : "internal", message, {
      ...(fix === undefined ? {} : { fix }),
    });
  }
  const result = api[verb].result.safeParse(reply.data.result);
  if (!result.success) throw unreadable(verb, result.error);
  return result.data as ApiResult<V>;
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return undefined; // the schema refuses it, with the same message as any other malformed reply
  }
}

function isNoAnswer(error: unknown): error is NatsError {
  return (
    error instanceof NatsError &&
    (error.code === NatsCode.NoResponders ||
      error.code === NatsCode.Timeout ||
      error.code === NatsCode.Disconnect)
  );
}

function unanswered(bus: Bus, verb: Verb, timeoutMs: number, cause: NatsError): MillraceError {
  const { namespace } = bus.subjects;
  if (cause.code === NatsCode.NoResponders) {
    return new MillraceError("unavailable", `no coordinator serves the namespace ${namespace}`, {
      fix: "Start one with `millrace coordinator`, or name another namespace with --namespace.",
      cause,
    });
  }
  return new MillraceError(
    "timeout",
    `no answer to \`${verb}\` from namespace ${namespace} in ${timeoutMs / 1000} s`,
    {
      fix: "See that a coordinator runs and that nats-server is reachable; allow more time with --timeout.",
      cause,
    },
  );
}

function requestError(verb: Verb, body: string, bus: Bus, error: unknown): unknown {
  if (error instanceof MillraceError || !(error instanceof NatsError)) return error;
  if (error.code === NatsCode.MaxPayloadExceeded) {
    const message = `the request \`${verb}\` of ${Buffer.byteLength(body)} bytes passes the limit of ${bus.maxPayload()}`;
    return new MillraceError("badInput", message, { cause: error });
  }
  if (error.isPermissionError()) {
    return new MillraceError("refused", `these credentials may not call \`${verb}\``, {
      fix: `Allow publishing to ${bus.subjects.api(verb)} for this user.`,
      cause: error,
    });
  }
  return new MillraceError("unavailable", `the request \`${verb}\` could not be sent: ${error.message}`, {
    cause: error,
  });
}

function unreadable(verb: Verb, cause: unknown): MillraceError {
  return new MillraceError("corrupt", `the coordinator's answer to \`${verb}\` is not readable`, {
    fix: "Use the same version of millrace here and on the coordinator.",
    cause,
  });
}
