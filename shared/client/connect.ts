import { connectBus } from "../bus/connection.ts";
import { MillraceError } from "../model/error.ts";
import { identifierPattern } from "../model/name.ts";
import { BusClient } from "./bus-client.ts";
import type { Client, ConnectOptions } from "./client.ts";

const CONNECT_TIMEOUT_MS = 5_000;
const REQUEST_TIMEOUT_MS = 10_000;

/** Connects to a cluster. Rejects with `unavailable` when no server answers in time. */
export async function connect(options: ConnectOptions = {}): Promise<Client> {
  const {
    server = process.env.MILLRACE_SERVER ?? "",
    namespace = "default",
    name = "millrace-client",
    timeoutMs = CONNECT_TIMEOUT_MS,
    requestTimeoutMs = REQUEST_TIMEOUT_MS,
  } = options;
  if (server === "") {
    throw new MillraceError("badInput", "no server was named", {
      fix: "Give the option `server`, or set MILLRACE_SERVER, to e.g. nats://host:4222.",
    });
  }
  if (!identifierPattern.test(namespace)) {
    throw new MillraceError("badInput", `not a namespace: ${JSON.stringify(namespace)}`, {
      fix: "Use 1 to 40 characters of a-z, 0-9 and -.",
    });
  }
  const bus = await connectBus({ server, namespace, name, firstConnectTimeoutMs: timeoutMs });
  return new BusClient(bus, requestTimeoutMs);
}
