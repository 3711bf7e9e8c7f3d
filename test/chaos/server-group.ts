/** The nats-servers of a stage: one, or three that replicate. Each keeps its port and its data while it is down. */
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { connectBus } from "../../shared/bus/connection.ts";
import { startNatsServer, type TestServer } from "../support/nats-server.ts";
import { waitUntil } from "../support/wait-until.ts";

const LEADER_LIMIT_MS = 60_000;
/** Every run of a storm is kept for its judges: some 20 GB in an hour. */
const MAX_FILE = "64GB";

export type ServerGroup = ReadonlyMap<string, TestServer>;

/** One server, `n1`. */
export async function startSingleServer(): Promise<ServerGroup> {
  return new Map([["n1", await startNatsServer({ maxFile: MAX_FILE })]]);
}

/** Servers `n1`, `n2` and `n3` on loopback; clients are told of none but those they are given. */
export async function startServerCluster(): Promise<ServerGroup> {
  const names = ["n1", "n2", "n3"];
  const routePorts = await Promise.all(names.map(freePort));
  const routes = routePorts.map((port) => `"nats://127.0.0.1:${port}"`).join(", ");
  const servers = names.map((name, index) =>
    startNatsServer({
      maxFile: MAX_FILE,
      config: [
        `server_name: ${name}`,
        `cluster { name: chaos, listen: "127.0.0.1:${routePorts[index]}", routes: [${routes}], no_advertise: true }`,
      ].join("\n"),
    }),
  );
  const started = await Promise.all(servers);
  const group = new Map(names.map((name, index) => [name, started[index]!]));
  await waitUntil("the servers have chosen a leader", () => haveLeader(group), {
    timeoutMs: LEADER_LIMIT_MS,
    intervalMs: 200,
  });
  return group;
}

/** For clients that are to reach any of them. */
export function urlOf(servers: ServerGroup): string {
  return [...servers.values()].map(({ url }) => url).join(",");
}

async function haveLeader(servers: ServerGroup): Promise<boolean> {
  const bus = await connectBus({ server: urlOf(servers), namespace: "default", name: "chaos" });
  try {
    await bus.manager.getAccountInfo();
    return true;
  } catch {
    // Nobody answers for all of them yet.
    return false;
  } finally {
    await bus.close();
  }
}

/** Nobody else is likely to take it before a server does. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
