import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type RunningCoordinator, startCoordinator } from "../../../coordinator/coordinator.ts";
import { type Bus, connectBus } from "../../../shared/bus/connection.ts";
import { callApi } from "../../../shared/bus/request.ts";
import type { Outcome } from "../../../shared/model/outcome.ts";
import { startNatsServer, type TestServer } from "../../support/nats-server.ts";
import { failed, jobsOf, type Sketch, succeeded } from "../../support/run-driver.ts";
import { ScriptedAgent } from "../../support/scripted-agent.ts";
import { silentLog } from "../../support/silent-log.ts";
import { waitUntil } from "../../support/wait-until.ts";

let server: TestServer;
let count = 0;

beforeAll(async () => {
  server = await startNatsServer();
});
afterAll(() => server.stop());

interface Cluster {
  readonly bus: Bus;
  readonly namespace: string;
  coordinator: RunningCoordinator;
  submit(run: string, sketch: Sketch, options?: object): Promise<unknown>;
  status(run: string): Promise<string>;
  ended(run: string): Promise<string>;
  close(): Promise<void>;
}

/** A namespace of its own on the shared server. */
async function startCluster(): Promise<Cluster> {
  count += 1;
  const namespace = `t${count}`;
  const settings = { server: server.url, namespace, log: silentLog, heartbeatMs: 200, lostAfterMs: 1500 };
  const coordinator = await startCoordinator(settings);
  const bus = await connectBus({ server: server.url, namespace, name: "test" });
  const status = async (run: string) => (await callApi(bus, "run", { run }, { timeoutMs: 5000 })).status;
  return {
    bus,
    namespace,
    coordinator,
    submit: (run, sketch, options = {}) =>
      callApi(
        bus,
        "submit",
        { run, graph: { inline: { jobs: jobsOf(sketch) } }, options },
        { timeoutMs: 5000 },
      ),
    status,
    ended: (run) =>
      waitUntil(
        `run ${run} has ended`,
        async () => {
          const now = await status(run);
          return now === "running" || now === "cancelling" ? undefined : now;
        },
        { timeoutMs: 15_000, diagnose: () => callApi(bus, "jobs", { run }, { timeoutMs: 5000 }) },
      ),
    async close(this: Cluster) {
      await this.coordinator.stop();
      await bus.close();
    },
  };
}

const diamond: Sketch = { a: {}, b: { needs: ["a"] }, c: { needs: ["a"] }, d: { needs: ["b", "c"] } };

describe("a coordinator", () => {
  it("runs a graph to its end over the bus", async () => {
    const cluster = await startCluster();
    const agent = new ScriptedAgent(cluster.bus);
    await cluster.submit("r1", diamond);
    expect(await cluster.ended("r1")).toBe("succeeded");
    const order = agent.requests.map((request) => request.spec.name);
    expect(order[0]).toBe("a");
    expect(order.at(-1)).toBe("d");
    await waitUntil("all results are settled", () => agent.settled.length === 4, {
      diagnose: () => agent.settled,
    });
    agent.stop();
    await cluster.close();
  });

  it("answers a repeated submission with the run it already has", async () => {
    const cluster = await startCluster();
    const agent = new ScriptedAgent(cluster.bus);
    expect(await cluster.submit("r1", diamond)).toEqual({ run: "r1", jobs: 4, repeated: false });
    expect(await cluster.submit("r1", diamond)).toEqual({ run: "r1", jobs: 4, repeated: true });
    await cluster.ended("r1");
    expect(await cluster.submit("r1", diamond)).toMatchObject({ repeated: true });
    agent.stop();
    await cluster.close();
  });

  it("blocks what needs a failed job and finishes the rest", async () => {
    const cluster = await startCluster();
    const outcome = ({ spec }: { spec: { name: string } }): Outcome =>
      spec.name === "b" ? failed : succeeded;
    const agent = new ScriptedAgent(cluster.bus, { outcome });
    await cluster.submit("r1", { ...diamond, e: { needs: ["d"] }, free: {} });
    expect(await cluster.ended("r1")).toBe("failed");
    const { jobs } = await callApi(cluster.bus, "jobs", { run: "r1" }, { timeoutMs: 5000 });
    const phases = Object.fromEntries(jobs.map((job) => [job.job, job.phase]));
    expect(phases).toEqual({
      a: "succeeded",
      b: "failed",
      c: "succeeded",
      d: "blocked",
      e: "blocked",
      free: "succeeded",
    });
    expect(jobs.find((job) => job.job === "e")?.rootCause).toBe("b");
    agent.stop();
    await cluster.close();
  });

  it("goes on where a stopped coordinator was, and starts nothing twice", async () => {
    const cluster = await startCluster();
    let isHolding = true;
    const agent = new ScriptedAgent(cluster.bus, {
      outcome: ({ spec }) => (isHolding && spec.name === "b" ? undefined : succeeded),
    });
    await cluster.submit("r1", diamond);
    const held = await waitUntil("b runs", () => agent.requests.find((request) => request.spec.name === "b"));
    await waitUntil("c has succeeded", async () => {
      const { jobs } = await callApi(cluster.bus, "jobs", { run: "r1", job: "c" }, { timeoutMs: 5000 });
      return jobs[0]?.phase === "succeeded";
    });
    await cluster.coordinator.stop();
    cluster.coordinator = await startCoordinator({
      server: server.url,
      namespace: cluster.namespace,
      log: silentLog,
      heartbeatMs: 200,
      lostAfterMs: 1500,
    });
    isHolding = false;
    await waitUntil("the new coordinator knows the agent", async () => {
      const { agents } = await callApi(cluster.bus, "agents", {}, { timeoutMs: 5000 });
      return agents[0]?.running.some((running) => running.job === "b");
    });
    agent.finish(held, succeeded);
    expect(await cluster.ended("r1")).toBe("succeeded");
    expect(agent.requests.map((request) => request.spec.name).sort()).toEqual(["a", "b", "c", "d"]);
    agent.stop();
    await cluster.close();
  });

  it("gives the jobs of a restarted and of a silent agent to others", async () => {
    const cluster = await startCluster();
    const agent = new ScriptedAgent(cluster.bus, { name: "first", outcome: () => undefined });
    await cluster.submit("r1", { a: {} });
    await waitUntil("a runs", () => agent.requests.length === 1);
    agent.restart();
    await waitUntil("a runs again", () => agent.requests.length === 2);
    agent.stop();
    const other = new ScriptedAgent(cluster.bus, { name: "second" });
    expect(await cluster.ended("r1")).toBe("succeeded");
    expect(other.requests).toHaveLength(1);
    const { jobs } = await callApi(cluster.bus, "jobs", { run: "r1" }, { timeoutMs: 5000 });
    expect(jobs[0]?.attempts.map((attempt) => attempt.outcome?.kind)).toEqual(["lost", "lost", "succeeded"]);
    other.stop();
    await cluster.close();
  });

  it("cancels a run: what runs is ended, what waits never starts", async () => {
    const cluster = await startCluster();
    const agent = new ScriptedAgent(cluster.bus, { outcome: () => undefined });
    await cluster.submit("r1", { a: {}, b: { needs: ["a"] } });
    await waitUntil("a runs", () => agent.requests.length === 1);
    await callApi(cluster.bus, "cancel", { run: "r1" }, { timeoutMs: 5000 });
    expect(await cluster.ended("r1")).toBe("cancelled");
    expect(agent.cancelled).toHaveLength(1);
    agent.stop();
    await cluster.close();
  });

  it("holds a job of priority 0 and starts it when it is given another", async () => {
    const cluster = await startCluster();
    const agent = new ScriptedAgent(cluster.bus);
    await cluster.submit("r1", { a: {}, b: { priority: 0 } });
    await waitUntil("a has succeeded", async () => {
      const view = await callApi(cluster.bus, "run", { run: "r1" }, { timeoutMs: 5000 });
      return view.counts.succeeded === 1;
    });
    const why = await callApi(cluster.bus, "explain", { run: "r1", job: "b" }, { timeoutMs: 5000 });
    expect(why.reasons).toMatchObject([{ code: "held" }]);
    await callApi(cluster.bus, "priority", { run: "r1", job: "b", priority: 10 }, { timeoutMs: 5000 });
    expect(await cluster.ended("r1")).toBe("succeeded");
    agent.stop();
    await cluster.close();
  });

  it("fails a job that no agent can run where the run asks for it, and says why otherwise", async () => {
    const cluster = await startCluster();
    const agent = new ScriptedAgent(cluster.bus);
    const sketch: Sketch = { a: { labels: [["gpu", "yes"]] }, b: {} };
    await cluster.submit("strict", sketch, { failUnschedulable: true });
    expect(await cluster.ended("strict")).toBe("failed");
    await cluster.submit("patient", sketch);
    await waitUntil("b has succeeded", async () => {
      const view = await callApi(cluster.bus, "run", { run: "patient" }, { timeoutMs: 5000 });
      return view.counts.succeeded === 1;
    });
    const why = await callApi(cluster.bus, "explain", { run: "patient", job: "a" }, { timeoutMs: 5000 });
    expect(why.reasons.map((reason) => reason.code)).toEqual(["unschedulable", "labels"]);
    agent.stop();
    await cluster.close();
  });

  it("refuses a job that would not fit into a message, and goes on serving", async () => {
    const cluster = await startCluster();
    const large = { a: { run: { script: `# ${"x".repeat(300 * 1024)}` } } };
    await expect(cluster.submit("r1", large)).rejects.toMatchObject({ code: "badInput" });
    await expect(callApi(cluster.bus, "run", { run: "r1" }, { timeoutMs: 5000 })).rejects.toMatchObject({
      code: "notFound",
    });
    await cluster.close();
  });

  it("merges 3,000 results into one job with bounded mailboxes", async () => {
    const cluster = await startCluster();
    const agent = new ScriptedAgent(cluster.bus, { slots: 200 });
    const sketch: Record<string, { needs?: string[] }> = {};
    for (let index = 0; index < 3000; index++) sketch[`part-${index}`] = {};
    sketch.merge = { needs: Object.keys(sketch) };
    await cluster.submit("r1", sketch);
    expect(await cluster.ended("r1")).toBe("succeeded");
    expect(agent.requests.at(-1)?.spec.name).toBe("merge");
    agent.stop();
    await cluster.close();
  });
});
