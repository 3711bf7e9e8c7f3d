import { afterAll, beforeAll, expect, test } from "vitest";
import { connectBus } from "../../../shared/bus/connection.ts";
import { NatsTransport } from "../../../shared/bus/nats-transport.ts";
import { startNatsServer, type TestServer } from "../../support/nats-server.ts";
import { describeTransport } from "../../support/transport-conformance.ts";
import { waitUntil } from "../../support/wait-until.ts";

let server: TestServer;
let pairs = 0;
beforeAll(async () => {
  server = await startNatsServer();
});
afterAll(() => server.stop());

async function connect() {
  const bus = await connectBus({ server: server.url, name: "transport", namespace: "ns1" });
  return { bus, transport: new NatsTransport(bus) };
}

describeTransport("NATS", async () => {
  const [one, other] = await Promise.all([connect(), connect()]);
  pairs += 1;
  return {
    one: one.transport,
    other: other.transport,
    prefix: `pair${pairs}`,
    close: async () => {
      await Promise.all([one.bus.close(), other.bus.close()]);
    },
  };
});

test("a transport tells of an outage, and its subscriptions outlive it", async () => {
  const { bus, transport } = await connect();
  const statuses: string[] = [];
  const heard: string[] = [];
  transport.onStatus((status) => statuses.push(status));
  transport.subscribe("outage.*", (_, subject) => heard.push(subject));
  await transport.flush();
  await server.restart();
  await waitUntil("the reconnect is told", () => statuses.length === 2, { diagnose: () => statuses });
  expect(statuses).toEqual(["disconnected", "connected"]);
  await transport.flush();
  transport.publish("outage.over", Uint8Array.of(1));
  await waitUntil("the message arrives", () => heard.length > 0);
  await bus.close();
});

test("a message over the server's limit is refused with its size, and the connection stays", async () => {
  const { bus, transport } = await connect();
  expect(() => transport.publish("large", new Uint8Array(2_000_000))).toThrow(
    expect.objectContaining({ code: "badInput", message: expect.stringContaining("2000000 bytes") }),
  );
  await transport.flush();
  await bus.close();
});

test("a closed transport drops what is published, and leaves the bus open", async () => {
  const { bus, transport } = await connect();
  await transport.close();
  await transport.close();
  transport.publish("late", Uint8Array.of(1));
  transport.subscribe("late", () => undefined)();
  await bus.connection.flush();
  await bus.close();
});
