import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type RunningCoordinator, startCoordinator } from "../../../coordinator/coordinator.ts";
import { type Bus, connectBus } from "../../../shared/bus/connection.ts";
import { callApi } from "../../../shared/bus/request.ts";
import type { ApiResult } from "../../../shared/model/api.ts";
import { startNatsServer, type TestServer } from "../../support/nats-server.ts";
import { jobsOf, type Sketch, succeeded } from "../../support/run-driver.ts";
import { ScriptedAgent } from "../../support/scripted-agent.ts";
import { silentLog } from "../../support/silent-log.ts";
import { waitUntil } from "../../support/wait-until.ts";

describe("a coordinator and its storage", () => {
  let server: TestServer;
  let bus: Bus;
  let coordinator: RunningCoordinator;
  let agent: ScriptedAgent | undefined;
  let count = 0;

  beforeAll(async () => {
    server = await startNatsServer();
  });
  afterAll(() => server.stop());
  beforeEach(async () => {
    count += 1;
    const namespace = `t${count}`;
    bus = await connectBus({ server: server.url, namespace, name: "test" });
    const settings = { server: server.url, namespace, log: silentLog, heartbeatMs: 200, lostAfterMs: 500 };
    coordinator = await startCoordinator(settings);
  });
  afterEach(async () => {
    agent?.stop();
    agent = undefined;
    await coordinator.stop();
    await bus.close();
  });

  const submit = (run: string, sketch: Sketch) =>
    callApi(bus, "submit", { run, graph: { inline: { jobs: jobsOf(sketch) } } }, { timeoutMs: 5_000 });
  const status = () => callApi(bus, "status", {});
  const ended = (run: string) =>
    waitUntil(`run ${run} has ended`, async () => {
      const { status } = await callApi(bus, "run", { run });
      return status === "running" ? undefined : status;
    });

  async function collected(wishes: object): Promise<ApiResult<"gc">> {
    const collection = `c-${crypto.randomUUID().slice(0, 8)}`;
    return waitUntil(
      "the collection is over",
      async () => {
        const view = await callApi(bus, "gc", { collection, ...wishes });
        return view.phase === "done" || view.phase === "failed" ? view : undefined;
      },
      { timeoutMs: 20_000 },
    );
  }

  /** Leaves the journal so much room beyond what it holds. */
  async function limitJournal(room: number | null): Promise<void> {
    const journal = bus.subjects.journalStream();
    const { config, state } = await bus.manager.streams.info(journal);
    await bus.manager.streams.update(journal, {
      ...config,
      max_bytes: room === null ? -1 : state.bytes + room,
    });
  }

  const level = (wanted: string) =>
    waitUntil(
      `storage is ${wanted}`,
      async () => {
        const { storage, troubles } = await status();
        return storage?.level === wanted ? { storage, troubles } : undefined;
      },
      { diagnose: status },
    );

  it("gives up an ended run on request, and its id is free again", async () => {
    agent = new ScriptedAgent(bus);
    await submit("old", { a: {} });
    await ended("old");
    await submit("held", { a: {} });
    expect(await collected({ dryRun: true, olderThanMs: 0 })).toMatchObject({ runs: 2, dryRun: true });
    await ended("held");
    expect(await collected({})).toMatchObject({ phase: "done", runs: 0, keptRuns: 2 });
    expect(await collected({ olderThanMs: 0 })).toMatchObject({
      runs: 2,
      runList: ["old", "held"],
      keptRuns: 0,
    });
    await expect(callApi(bus, "run", { run: "old" })).rejects.toMatchObject({ code: "notFound" });
    expect((await callApi(bus, "runs", {})).total).toBe(0);
    const { state } = await bus.manager.streams.info(bus.subjects.eventStream(), { subjects_filter: ">" });
    expect(state.subjects).toEqual({ [bus.subjects.fleetEvents()]: expect.any(Number) });
    expect(await submit("old", { a: {} })).toEqual({ run: "old", jobs: 1, repeated: false });
    expect(await ended("old")).toBe("succeeded");
  });

  it("starts nothing and takes no run while storage is almost full, and goes on when there is room", async () => {
    agent = new ScriptedAgent(bus);
    await submit("r1", { a: {} });
    await ended("r1");
    await limitJournal(10);
    const { troubles } = await level("tight");
    expect(troubles).toContainEqual(expect.objectContaining({ code: "storage.tight" }));
    await expect(submit("r2", { a: {} })).rejects.toMatchObject({
      code: "unavailable",
      message: expect.stringContaining("storage is almost full"),
      fix: expect.stringContaining("millrace gc"),
    });
    expect(await submit("r1", { a: {} })).toMatchObject({ repeated: true });
    await limitJournal(null);
    await level("roomy");
    expect(await submit("r2", { a: {} })).toMatchObject({ repeated: false });
    expect(await ended("r2")).toBe("succeeded");
  });

  it("waits with a run whose journal refuses its records, and says why", async () => {
    agent = new ScriptedAgent(bus, { outcome: () => undefined });
    const scripted = agent;
    await submit("r1", { a: {}, b: { needs: ["a"] } });
    const request = await waitUntil("a is started", () => scripted.requests[0]);
    const journal = bus.subjects.journalStream();
    await bus.manager.streams.update(journal, { max_msg_size: 1 });
    scripted.finish(request, succeeded);
    const why = expect.stringContaining("message size exceeds maximum allowed");
    await waitUntil("the run waits", async () =>
      (await status()).troubles.find(({ code }) => code === "runs.waiting"),
    );
    expect(await callApi(bus, "run", { run: "r1" })).toMatchObject({ status: "running", reason: why });
    const refused = callApi(bus, "explain", { run: "r1", job: "b" });
    await expect(refused).rejects.toMatchObject({ code: "unavailable", message: why });
    expect(scripted.settled).toEqual([]);
    await bus.manager.streams.update(journal, { max_msg_size: -1 });
    const next = await waitUntil("b is started", () => scripted.requests[1]);
    scripted.finish(next, succeeded);
    expect(await ended("r1")).toBe("succeeded");
    expect(scripted.requests).toHaveLength(2);
    expect((await status()).troubles).toEqual([]);
  });

  it("waits with a run until its records can be stored, and settles nothing before", async () => {
    agent = new ScriptedAgent(bus, { outcome: () => undefined });
    const scripted = agent;
    await submit("r1", { a: {}, b: { needs: ["a"] } });
    const request = await waitUntil("a is started", () => scripted.requests[0]);
    await limitJournal(0);
    scripted.finish(request, succeeded);
    const { troubles } = await level("full");
    expect(troubles).toContainEqual(
      expect.objectContaining({ code: "storage.full", message: expect.stringContaining("storage is full") }),
    );
    expect(scripted.settled).toEqual([]);
    expect((await callApi(bus, "runs", {})).runs).toMatchObject([{ run: "r1", status: "running" }]);
    await limitJournal(null);
    const next = await waitUntil("b is started", () => scripted.requests[1]);
    scripted.finish(next, succeeded);
    expect(await ended("r1")).toBe("succeeded");
    expect(scripted.requests).toHaveLength(2);
    await level("roomy");
  });

  it("tells settings that reliability can't rest on", async () => {
    const objects = `OBJ_${bus.subjects.objectBucket()}`;
    const { config } = await bus.manager.streams.info(objects);
    await bus.manager.streams.update(objects, { ...config, max_age: 3_600_000_000_000 });
    const trouble = await waitUntil("it is told", async () => {
      const { troubles } = await status();
      return troubles.find(({ code }) => code === "settings.age");
    });
    expect(trouble).toMatchObject({ message: expect.stringContaining(objects), fix: expect.any(String) });
  });
});
