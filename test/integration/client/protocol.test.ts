import { readFile } from "node:fs/promises";
import { connect, type NatsConnection } from "nats";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Subjects } from "../../../shared/bus/subjects.ts";
import { verbs } from "../../../shared/model/api.ts";
import { agentEventSchema, runEventSchema } from "../../../shared/model/event.ts";
import { FakeCoordinator } from "../../support/fake-coordinator.ts";
import { startNatsServer, type TestServer } from "../../support/nats-server.ts";

const page = await readFile(new URL("../../../docs/protocol.md", import.meta.url), "utf8");

describe("the protocol's page", () => {
  it("names every subject, stream and bucket", () => {
    const text = page.replace(/<(\w+)>/g, (_, name: string) => name);
    const subjects = new Subjects("ns");
    const names = [
      subjects.runEvents("run"),
      subjects.runEvent("run", "run.event"),
      subjects.jobEvent("run", "job", "job.event"),
      subjects.fleetEvents(),
      subjects.agentEvent("agent", "agent.event"),
      subjects.log("run", "job", 1, "agent").replace(".1.", ".attempt."),
      subjects.dependency("run", "job"),
      subjects.api("verb"),
      subjects.journal("run"),
      subjects.leader(),
      subjects.actors(),
      subjects.deadLetters(),
      subjects.toAgent("agent"),
      subjects.fromAgent("agent", "bye").replace("bye", "kind"),
      subjects.journalStream(),
      subjects.eventStream(),
      subjects.logStream(),
      subjects.heartbeatStream(),
      subjects.reuseStream(),
      subjects.objectBucket(),
    ];
    expect(names.filter((name) => !text.includes(name))).toEqual([]);
  });

  it("names every event and every verb", () => {
    const types = [...runEventSchema.options, ...agentEventSchema.options].map(
      ({ shape }) => shape.type.value,
    );
    expect([...types, ...verbs].filter((name) => !page.includes(`| \`${name}\` |`))).toEqual([]);
  });
});

describe("a client that knows only the protocol", () => {
  let server: TestServer;
  let coordinator: FakeCoordinator;
  let connection: NatsConnection;

  beforeAll(async () => {
    server = await startNatsServer();
    coordinator = await FakeCoordinator.start(server.url);
    connection = await connect({ servers: server.url });
  });
  afterAll(async () => {
    await connection.close();
    await coordinator.stop();
    await server.stop();
  });

  it("reads the events of a run", async () => {
    coordinator.addRun("r1");
    await coordinator.emit("r1", { type: "run.submitted", name: "hello", jobs: 1, priority: 500 });
    await coordinator.emit(
      "r1",
      { type: "job.ready", job: "build" },
      { type: "job.skipped", job: "build", reason: "no" },
    );
    await coordinator.finish("r1");

    const filterSubjects = "millrace.test.run.r1.events";
    const consumer = await connection.jetstream().consumers.get("millrace-test-events", { filterSubjects });
    const events: { type: string; seq: number }[] = [];
    for await (const message of await consumer.fetch({ max_messages: 3, expires: 5_000 })) {
      events.push(...message.json<{ type: string; seq: number }[]>());
    }
    expect(events.map(({ type }) => type)).toEqual([
      "run.submitted",
      "job.ready",
      "job.skipped",
      "run.finished",
    ]);
    expect(events.map(({ seq }) => seq)).toEqual([1, 2, 3, 4]);
  });

  it("asks the control API", async () => {
    const reply = await connection.request("millrace.test.api.runs", "{}");
    expect(reply.json()).toMatchObject({ ok: true, result: { total: 1, runs: [{ run: "r1" }] } });
    const refusal = await connection.request("millrace.test.api.run", '{"run":"r2"}');
    expect(refusal.json()).toEqual({ ok: false, error: { code: "notFound", message: "there is no run r2" } });
  });
});
