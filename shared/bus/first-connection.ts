/**
 * Makes a connection to NATS that lasts: the client of `nats` would give up after ten reconnects of two seconds, and
 * notice a silent server only after minutes.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { type ConnectionOptions, connect, type NatsConnection, NatsError } from "nats";
import { MillraceError } from "../model/error.ts";
import { parseServerAddress, redactedAddress, type ServerAddress } from "./server-url.ts";

const DIAL_TIMEOUT_MS = 2_000;
const PING_INTERVAL_MS = 10_000;
const RECONNECT_MIN_MS = 50;
const RECONNECT_JITTER_MS = 450;

/**
 * Tries until the time is over, or the signal comes; wrong credentials end it at once. `server` and `name` are those of
 * BusOptions.
 */
export async function firstConnection(
  server: string,
  name: string,
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<NatsConnection> {
  const deadline = performance.now() + timeoutMs;
  const address = parseServerAddress(server);
  const where = redactedAddress(server);
  for (;;) {
    try {
      return await dial(connectionOptions(address, name), deadline);
    } catch (cause) {
      if (cause instanceof NatsError && cause.isAuthError()) {
        throw new MillraceError("refused", `the NATS server at ${where} refused the credentials`, {
          fix: "Put the right user and password, or token, in the server URL.",
          cause,
        });
      }
      const delayMs = reconnectDelayMs();
      if (performance.now() + delayMs >= deadline) {
        throw new MillraceError("unavailable", `no NATS server answers at ${where}`, {
          fix: "Start nats-server there, or give another address with --server or MILLRACE_SERVER.",
          cause,
        });
      }
      await sleep(delayMs, undefined, signal === undefined ? {} : { signal });
    }
  }
}

/** One attempt, cut off at the deadline: the client's own limit is that of reconnects too, so it must not shrink. */
async function dial(options: ConnectionOptions, deadline: number): Promise<NatsConnection> {
  const leftMs = deadline - performance.now();
  const connecting = connect(options);
  if (leftMs >= DIAL_TIMEOUT_MS) return connecting;
  const answered = new AbortController();
  const limit = sleep(Math.max(0, leftMs), undefined, { signal: answered.signal }).then(() => {
    // A connection that comes after all is of no use to anybody, nor is its failure.
    void Promise.allSettled([connecting.then((connection) => connection.close())]);
    throw new Error("no answer in time");
  });
  try {
    return await Promise.race([connecting, limit]);
  } finally {
    answered.abort();
  }
}

function connectionOptions(address: ServerAddress, name: string): ConnectionOptions {
  const { credentials } = address;
  return {
    servers: [...address.hosts],
    name,
    timeout: DIAL_TIMEOUT_MS,
    maxReconnectAttempts: -1,
    reconnectDelayHandler: reconnectDelayMs,
    // A server that restarts may for a moment know no users; giving up then would strand a service.
    ignoreAuthErrorAbort: true,
    pingInterval: PING_INTERVAL_MS,
    // Captured stacks cost half of the requests per second.
    noAsyncTraces: true,
    ...(address.tls ? { tls: {} } : {}),
    ...(credentials.kind === "password" ? { user: credentials.user, pass: credentials.password } : {}),
    ...(credentials.kind === "token" ? { token: credentials.token } : {}),
  };
}

function reconnectDelayMs(): number {
  return RECONNECT_MIN_MS + Math.random() * RECONNECT_JITTER_MS;
}
