import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Bus, connectBus } from "../../../shared/bus/connection.ts";
import { callApi } from "../../../shared/bus/request.ts";
import { type ApiHandler, serveApi } from "../../../shared/bus/service.ts";
import { verbs } from "../../../shared/model/api.ts";
import { MillraceError } from "../../../shared/model/error.ts";
import { startNatsServer, type TestServer } from "../../support/nats-server.ts";
import { waitUntil } from "../../support/wait-until.ts";

const encode = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));
const priorityReply: ApiHandler = async (_verb, request) => {
  const { priority } = JSON.parse(new TextDecoder().decode(request)) as { priority: number };
  return encode({ ok: true, result: { priority } });
};

describe("the control API", () => {
  let server: TestServer;
  let coordinator: Bus;
  let client: Bus;
  beforeAll(async () => {
    server = await startNatsServer();
    coordinator = await connectBus({ server: server.url, name: "coordinator", namespace: "ns1" });
    client = await connectBus({ server: server.url, name: "client", namespace: "ns1" });
  });
  afterAll(async () => {
    await Promise.all([client.close(), coordinator.close()]);
    await server.stop();
  });

  test("answers a request with a validated result", async () => {
    const service = await serveApi(coordinator, "1.2.3", priorityReply);
    expect(await callApi(client, "priority", { run: "r1", priority: 7 })).toEqual({ priority: 7 });
    await service.stop();
    expect(await service.stopped).toBeUndefined();
  });

  test("is found as a NATS service, with its namespace and an endpoint for each verb", async () => {
    const service = await serveApi(coordinator, "1.2.3", priorityReply);
    const found = [];
    for await (const info of await client.connection.services.client().info("millrace")) found.push(info);
    expect(found).toHaveLength(1);
    expect(found[0]).toMatchObject({ version: "1.2.3", metadata: { namespace: "ns1" } });
    expect(found[0]?.endpoints.map(({ name }) => name).sort()).toEqual([...verbs].sort());
    await service.stop();
  });

  test("lets one of several coordinators answer each request", async () => {
    let answered = 0;
    const counting: ApiHandler = (verb, request) => {
      answered += 1;
      return priorityReply(verb, request);
    };
    const services = [
      await serveApi(coordinator, "1.0.0", counting),
      await serveApi(coordinator, "1.0.0", counting),
    ];
    for (let n = 0; n < 10; n += 1) await callApi(client, "priority", { run: "r1", priority: n });
    expect(answered).toBe(10);
    await Promise.all(services.map((service) => service.stop()));
  });

  test("brings the handler's error to the caller with its code and fix", async () => {
    const service = await serveApi(coordinator, "1.0.0", async () => {
      throw new MillraceError("notFound", "no run r9", { fix: "See `millrace runs`." });
    });
    await expect(callApi(client, "run", { run: "r9" })).rejects.toMatchObject({
      code: "notFound",
      message: "no run r9",
      fix: "See `millrace runs`.",
    });
    await service.stop();
  });

  test("refuses a reply larger than a message instead of staying silent", async () => {
    const service = await serveApi(coordinator, "1.0.0", async () => new Uint8Array(2_000_000));
    await expect(callApi(client, "runs", {})).rejects.toMatchObject({
      code: "badInput",
      fix: expect.any(String),
    });
    await service.stop();
  });

  test.each([
    ["no JSON", new TextEncoder().encode("{oops")],
    ["another shape", encode({ ok: true, result: { priority: "high" } })],
  ])("calls an answer that is %s corrupt", async (_, bytes) => {
    const service = await serveApi(coordinator, "1.0.0", async () => bytes);
    await expect(callApi(client, "priority", { run: "r1", priority: 1 })).rejects.toMatchObject({
      code: "corrupt",
    });
    await service.stop();
  });

  test("is unavailable, with a fix, when no coordinator serves the namespace", async () => {
    await expect(callApi(client, "status", {}, { timeoutMs: 100 })).rejects.toMatchObject({
      code: "unavailable",
      fix: expect.stringContaining("millrace coordinator"),
    });
  });

  test("waits within the deadline for a coordinator that comes later", async () => {
    const calling = callApi(client, "priority", { run: "r1", priority: 3 }, { timeoutMs: 10_000 });
    const service = await serveApi(coordinator, "1.0.0", priorityReply);
    expect(await calling).toEqual({ priority: 3 });
    await service.stop();
  });

  test("is served though the server dies before it has said that it knows of it", async () => {
    process.kill(server.pid(), "SIGSTOP");
    const serving = serveApi(coordinator, "1.0.0", priorityReply);
    await server.kill();
    await server.restart();
    const service = await serving;
    expect(await callApi(client, "priority", { run: "r1", priority: 5 }, { timeoutMs: 20_000 })).toEqual({
      priority: 5,
    });
    await service.stop();
  });

  test("answers across a restart of the server", async () => {
    const service = await serveApi(coordinator, "1.0.0", priorityReply);
    await server.kill();
    const calling = callApi(client, "priority", { run: "r1", priority: 4 }, { timeoutMs: 20_000 });
    await server.restart();
    expect(await calling).toEqual({ priority: 4 });
    await waitUntil("the coordinator is connected", () => !coordinator.connection.isClosed());
    await service.stop();
  });
});
