import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Bus, connectBus } from "../../../shared/bus/connection.ts";
import { ensureStreams } from "../../../shared/bus/streams.ts";
import { startNatsServer, type TestServer } from "../../support/nats-server.ts";

describe("the streams of a namespace", () => {
  let server: TestServer;
  let bus: Bus;
  beforeEach(async () => {
    server = await startNatsServer();
    bus = await connectBus({ server: server.url, name: "test", namespace: "ns1" });
  });
  afterEach(async () => {
    await bus.close();
    await server.stop();
  });

  async function names(): Promise<string[]> {
    const found: string[] = [];
    for await (const { config } of bus.manager.streams.list()) found.push(config.name);
    return found.sort();
  }

  test("are made by several processes at the same time", async () => {
    const others = await Promise.all(
      [1, 2, 3].map((n) => connectBus({ server: server.url, name: `other ${n}`, namespace: "ns1" })),
    );
    await Promise.all([bus, ...others].map((each) => ensureStreams(each)));
    expect(await names()).toEqual([
      "OBJ_millrace-ns1-objects",
      "millrace-ns1-events",
      "millrace-ns1-heartbeats",
      "millrace-ns1-journal",
      "millrace-ns1-logs",
      "millrace-ns1-reuse",
    ]);
    await Promise.all(others.map((other) => other.close()));
  });

  test("take what is published on their subjects", async () => {
    await ensureStreams(bus);
    const { subjects, jetstream } = bus;
    const streamOf = async (subject: string): Promise<string> =>
      (await jetstream.publish(subject, "x")).stream;
    expect(await streamOf(subjects.journal("r1"))).toBe("millrace-ns1-journal");
    expect(await streamOf(subjects.leader())).toBe("millrace-ns1-journal");
    expect(await streamOf(subjects.runEvents("r1"))).toBe("millrace-ns1-events");
    expect(await streamOf(subjects.fleetEvents())).toBe("millrace-ns1-events");
    expect(await streamOf(subjects.log("r1", "build", 1, "agent.1"))).toBe("millrace-ns1-logs");
    expect(await streamOf(subjects.fromAgent("a", "heartbeat"))).toBe("millrace-ns1-heartbeats");
    expect(await streamOf(subjects.reuseKey("key", "0".repeat(64)))).toBe("millrace-ns1-reuse");
    expect(await streamOf(subjects.reuseJob("build all"))).toBe("millrace-ns1-reuse");
    await expect(jetstream.publish(subjects.runEvent("r1", "run.finished"), "x")).rejects.toThrow();
    await expect(jetstream.publish(subjects.fromAgent("a", "report"), "x")).rejects.toThrow();
  });

  test("keep only the last heartbeat of each agent", async () => {
    await ensureStreams(bus);
    for (const beat of ["one", "two"]) {
      await bus.jetstream.publish(bus.subjects.fromAgent("a", "heartbeat"), beat);
    }
    const { state } = await bus.manager.streams.info(bus.subjects.heartbeatStream());
    expect(state.messages).toBe(1);
  });

  test("keep what an operator tuned, and take what is asked for", async () => {
    await ensureStreams(bus);
    const logs = bus.subjects.logStream();
    await bus.manager.streams.update(logs, { max_bytes: 5_000_000, max_age: 3_600_000_000_000 });
    await ensureStreams(bus);
    expect((await bus.manager.streams.info(logs)).config).toMatchObject({
      max_bytes: 5_000_000,
      max_age: 3_600_000_000_000,
    });
    await ensureStreams(bus, { logMaxBytes: 6_000_000 });
    expect((await bus.manager.streams.info(logs)).config).toMatchObject({
      max_bytes: 6_000_000,
      max_age: 3_600_000_000_000,
    });
  });

  test("give their objects to any NATS client's object store", async () => {
    await ensureStreams(bus);
    const store = await bus.jetstream.views.os(bus.subjects.objectBucket());
    await store.putBlob({ name: "greeting" }, new TextEncoder().encode("hello"));
    expect(new TextDecoder().decode((await store.getBlob("greeting")) ?? undefined)).toBe("hello");
  });

  test("say what is wrong when there are fewer servers than replicas", async () => {
    await expect(ensureStreams(bus, { replicas: 3 })).rejects.toMatchObject({
      code: "unavailable",
      message: expect.stringContaining("cannot make the stream"),
      fix: expect.any(String),
    });
  });
});
