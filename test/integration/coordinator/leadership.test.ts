import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type RunningCoordinator, startCoordinator } from "../../../coordinator/coordinator.ts";
import { type Bus, connectBus } from "../../../shared/bus/connection.ts";
import { callApi } from "../../../shared/bus/request.ts";
import type { ApiRequest } from "../../../shared/model/api.ts";
import { startNatsServer, type TestServer } from "../../support/nats-server.ts";
import { jobsOf, succeeded } from "../../support/run-driver.ts";
import { ScriptedAgent } from "../../support/scripted-agent.ts";
import { silentLog } from "../../support/silent-log.ts";
import { waitUntil } from "../../support/wait-until.ts";

let server: TestServer;
let count = 0;
const cleanups: (() => Promise<void>)[] = [];

beforeAll(async () => {
  server = await startNatsServer();
});
afterAll(() => server.stop());
afterEach(async () => {
  for (const cleanUp of cleanups.splice(0).reverse()) await cleanUp();
});

interface Pair {
  readonly bus: Bus;
  readonly leader: RunningCoordinator;
  readonly standby: RunningCoordinator;
}

/** A leader and a standby in a namespace of their own. */
async function startPair(): Promise<Pair> {
  const namespace = `lead${++count}`;
  const settings = { server: server.url, namespace, log: silentLog, heartbeatMs: 200, lostAfterMs: 1500 };
  const start = async (): Promise<RunningCoordinator> => {
    const coordinator = await startCoordinator(settings);
    cleanups.push(() => coordinator.stop());
    return coordinator;
  };
  const bus = await connectBus({ server: server.url, namespace, name: "test" });
  cleanups.push(() => bus.close());
  const leader = await start();
  await callApi(bus, "status", {});
  const standby = await start();
  await waitUntil("a standby is there", async () => (await callApi(bus, "status", {})).standbys.length === 1);
  return { bus, leader, standby };
}

const submission = (run: string, jobs: Parameters<typeof jobsOf>[0]): ApiRequest<"submit"> => ({
  run,
  graph: { inline: { jobs: jobsOf(jobs) } },
});

describe("a leader and its standby", () => {
  it("lose nothing and repeat nothing when the leader is stopped in the middle of a run", async () => {
    const { bus, leader } = await startPair();
    let isHolding = true;
    const agent = new ScriptedAgent(bus, {
      outcome: ({ spec }) => (isHolding && spec.name === "b" ? undefined : succeeded),
    });
    await callApi(bus, "submit", submission("r1", { a: {}, b: { needs: ["a"] }, c: { needs: ["b"] } }));
    const held = await waitUntil("b runs", () => agent.requests.find(({ spec }) => spec.name === "b"));
    await leader.stop();
    isHolding = false;
    await waitUntil("the next leader knows the agent", async () => {
      const { agents } = await callApi(bus, "agents", {});
      return agents[0]?.running.some(({ job }) => job === "b");
    });
    expect(await callApi(bus, "status", {})).toMatchObject({ epoch: 2, standbys: [] });
    agent.finish(held, succeeded);
    await waitUntil("the run has ended", async () => {
      return (await callApi(bus, "run", { run: "r1" })).status === "succeeded";
    });
    expect(agent.requests.map(({ spec }) => spec.name)).toEqual(["a", "b", "c"]);
    agent.stop();
  });

  it("answer each request that comes while the leader is stopped, at its first asking", async () => {
    const { bus, leader } = await startPair();
    await callApi(bus, "submit", submission("r0", { a: {} }));
    const ask = async (run: string): Promise<void> => {
      const payload = JSON.stringify(submission(run, { a: {} }));
      const reply = await bus.connection.request(bus.subjects.api("submit"), payload, { timeout: 10_000 });
      expect(reply.json()).toMatchObject({ ok: true, result: { run } });
    };
    const asked: Promise<void>[] = [];
    const stopped = leader.stop();
    let isOver = false;
    const over = stopped.then(() => {
      isOver = true;
    });
    await waitUntil("the leader has stopped", () => {
      asked.push(ask(`r${asked.length + 1}`));
      return isOver;
    });
    await over;
    await Promise.all(asked);
    const { total } = await callApi(bus, "runs", { limit: 1 });
    expect(total).toBe(asked.length + 1);
  });

  it("keep their parts when nats-server is started again", async () => {
    const { bus } = await startPair();
    const before = await callApi(bus, "status", {});
    await callApi(bus, "submit", submission("r1", { a: {} }));
    await server.restart();
    await callApi(bus, "submit", submission("r2", { a: {} }), { timeoutMs: 20_000 });
    await waitUntil("the standby is there again", async () => {
      return (await callApi(bus, "status", {}, { timeoutMs: 20_000 })).standbys.length === 1;
    });
    for (let read = 0; read < 10; read++) expect((await callApi(bus, "runs", {})).total).toBe(2);
    expect(await callApi(bus, "status", {})).toMatchObject({ epoch: before.epoch, node: before.node });
  });
});
