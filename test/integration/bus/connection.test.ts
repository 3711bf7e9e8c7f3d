import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Bus, type BusStatus, connectBus } from "../../../shared/bus/connection.ts";
import { startNatsServer, type TestServer } from "../../support/nats-server.ts";
import { waitUntil } from "../../support/wait-until.ts";

const named = { name: "test", namespace: "bus-test" };

describe("a bus", () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startNatsServer();
  });
  afterAll(() => server.stop());

  test("knows its server and carries messages", async () => {
    const bus = await connectBus({ server: server.url, ...named });
    const received: string[] = [];
    bus.connection.subscribe("greeting", { callback: (_, message) => received.push(message.string()) });
    bus.connection.publish("greeting", "hello");
    await bus.connection.flush();
    expect(received).toEqual(["hello"]);
    expect(bus.serverVersion()).toMatch(/^\d+\.\d+\.\d+/);
    expect(bus.maxPayload()).toBe(1_048_576);
    await bus.close();
  });

  test("comes back after the server was killed and restarted, and says so", async () => {
    const bus = await connectBus({ server: server.url, ...named });
    const statuses: BusStatus[] = [];
    bus.onStatus((status) => statuses.push(status));
    await server.kill();
    await waitUntil("the outage is told", () => statuses.some(({ kind }) => kind === "disconnected"));
    await server.restart();
    await waitUntil("the reconnect is told", () => statuses.some(({ kind }) => kind === "connected"), {
      diagnose: () => statuses,
    });
    await bus.connection.flush();
    await bus.close();
    await waitUntil("the end is told", () => statuses.some(({ kind }) => kind === "closed"));
  });

  test("closes at once while the server is away", async () => {
    const bus = await connectBus({ server: server.url, ...named });
    const statuses: BusStatus[] = [];
    bus.onStatus((status) => statuses.push(status));
    await server.kill();
    await waitUntil("the outage is told", () => statuses.some(({ kind }) => kind === "disconnected"));
    const start = performance.now();
    await bus.close();
    expect(performance.now() - start).toBeLessThan(3_000);
    await server.restart();
  });

  test("waits for a server that starts later", async () => {
    await server.kill();
    const connecting = connectBus({
      server: server.url,
      ...named,
      firstConnectTimeoutMs: Number.POSITIVE_INFINITY,
    });
    await server.restart();
    const bus = await connecting;
    await bus.close();
  });
});

describe("a first connection", () => {
  test("fails as unavailable, with a fix, when no server answers in time", async () => {
    await expect(
      connectBus({ server: "nats://user:secret@127.0.0.1:1", ...named, firstConnectTimeoutMs: 200 }),
    ).rejects.toMatchObject({
      code: "unavailable",
      message: "no NATS server answers at nats://127.0.0.1:1",
      fix: expect.stringContaining("--server"),
    });
  });

  test("fails at once when the server refuses the credentials", async () => {
    await using server = await startNatsServer({ config: 'authorization { user: me, password: "right" }' });
    const withPassword = (password: string): Promise<Bus> =>
      connectBus({ server: `nats://me:${password}@127.0.0.1:${server.port}`, ...named });
    await expect(withPassword("wrong")).rejects.toMatchObject({ code: "refused" });
    await (await withPassword("right")).close();
  });

  test("takes a token from the URL", async () => {
    await using server = await startNatsServer({ config: 'authorization { token: "sesame" }' });
    await (await connectBus({ server: `nats://sesame@127.0.0.1:${server.port}`, ...named })).close();
  });

  test("names a refused subject in its status", async () => {
    await using server = await startNatsServer({
      config:
        'authorization { users: [{user: me, password: me, permissions: {subscribe: {deny: "secret.>"}}}] }',
    });
    const bus = await connectBus({ server: `nats://me:me@127.0.0.1:${server.port}`, ...named });
    const statuses: BusStatus[] = [];
    bus.onStatus((status) => statuses.push(status));
    bus.connection.subscribe("secret.plans", { callback: () => undefined });
    await waitUntil("the refusal is told", () => statuses.length > 0);
    expect(statuses[0]).toMatchObject({ kind: "denied", operation: "subscription", subject: "secret.plans" });
    await bus.close();
  });
});
