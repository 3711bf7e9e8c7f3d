import { cp, rm } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { startCoordinator } from "../../../coordinator/coordinator.ts";
import { type Bus, connectBus } from "../../../shared/bus/connection.ts";
import { callApi } from "../../../shared/bus/request.ts";
import type { RunEvent } from "../../../shared/model/event.ts";
import { startNatsServer, type TestServer } from "../../support/nats-server.ts";
import { jobsOf, type Sketch, succeeded } from "../../support/run-driver.ts";
import { ScriptedAgent } from "../../support/scripted-agent.ts";
import { silentLog } from "../../support/silent-log.ts";
import { waitUntil } from "../../support/wait-until.ts";

const cleanups: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanups.splice(0).reverse()) await cleanUp();
});

/** A server whose streams can be kept as they are at a moment, and put back to that, as by a power cut. */
class Place {
  readonly server: TestServer;
  readonly bus: Bus;
  readonly #copy: string;

  constructor(server: TestServer, bus: Bus) {
    this.server = server;
    this.bus = bus;
    this.#copy = join(server.dataFolder, "kept");
  }

  async keep(): Promise<void> {
    await this.server.kill();
    await cp(this.#streams, this.#copy, { recursive: true });
    await this.server.restart();
  }

  async losePower(meanwhile: () => Promise<void> = async () => undefined): Promise<void> {
    await this.server.kill();
    await meanwhile();
    await rm(this.#streams, { recursive: true });
    await cp(this.#copy, this.#streams, { recursive: true });
    await this.server.restart();
  }

  async startCoordinator() {
    const { url } = this.server;
    const times = { heartbeatMs: 200, lostAfterMs: 1_500 };
    const coordinator = await startCoordinator({ server: url, namespace: "t", log: silentLog, ...times });
    cleanups.push(() => coordinator.stop());
    return coordinator;
  }

  async runs(): Promise<string[]> {
    const { runs } = await callApi(this.bus, "runs", {}, { timeoutMs: 20_000 });
    return runs.map(({ run }) => run).sort();
  }

  /** How the run ended; whatever runs is done meanwhile. */
  async ended(run: string, goOn: () => void): Promise<string> {
    return waitUntil(`${run} has ended`, async () => {
      goOn();
      const { status } = await callApi(this.bus, "run", { run });
      return status === "running" ? undefined : status;
    });
  }

  async submit(run: string, sketch: Sketch): Promise<void> {
    const request = { run, graph: { inline: { jobs: jobsOf(sketch) } } };
    await callApi(this.bus, "submit", request, { timeoutMs: 20_000 });
  }

  /** All events of a run, in the order in which they are stored. */
  async events(run: string): Promise<RunEvent[]> {
    const { subjects, manager } = this.bus;
    const name = subjects.eventStream();
    const { state } = await manager.streams.info(name);
    const events: RunEvent[] = [];
    for (let seq = state.first_seq; seq <= state.last_seq; seq++) {
      const stored = await manager.streams.getMessage(name, { seq });
      if (stored.subject === subjects.runEvents(run)) events.push(...stored.json<RunEvent[]>());
    }
    return events;
  }

  get #streams(): string {
    return join(this.server.dataFolder, "jetstream");
  }
}

async function place(): Promise<Place> {
  const server = await startNatsServer();
  cleanups.push(() => server.stop());
  const bus = await connectBus({ server: server.url, namespace: "t", name: "test" });
  cleanups.push(() => bus.close());
  return new Place(server, bus);
}

describe("a power cut that takes what the server had acknowledged", () => {
  it("is noticed by the leader, whose runs go on from what is left with agents that are not restarted", async () => {
    const { bus, at, finish } = await placeWith();
    await at.startCoordinator();
    await at.submit("r1", { a: {}, b: { needs: ["a"] } });
    await waitUntil("a runs", () => finish("a", false));
    await at.keep();
    await waitUntil("a has succeeded", async () => {
      finish("a", true);
      const { jobs } = await callApi(bus, "jobs", { run: "r1" }, { timeoutMs: 20_000 });
      return jobs.some(({ job, phase }) => job === "a" && phase === "succeeded");
    });
    await at.submit("r2", { c: {} });
    await at.losePower();
    await waitUntil("a new term has begun", async () => {
      const { epoch } = await callApi(bus, "status", {}, { timeoutMs: 20_000 });
      return epoch > 1;
    });
    expect(await at.runs()).toEqual(["r1"]);
    const status = await at.ended("r1", () => {
      for (const job of ["a", "b"]) finish(job, true);
    });
    expect(status).toBe("succeeded");
    const seqs = (await at.events("r1")).map(({ seq }) => seq);
    expect(seqs).toEqual(seqs.map((_, index) => index + 1));
  });

  it("leaves a coordinator that knows nothing of it with agents that obey no lower epoch, and it claims a higher one", async () => {
    const { bus, at, finish } = await placeWith();
    const first = await at.startCoordinator();
    await at.submit("r1", { a: {} });
    await waitUntil("a runs", () => finish("a", false));
    await at.keep();
    await first.stop();
    const second = await at.startCoordinator();
    await waitUntil("the second leads", async () => (await callApi(bus, "status", {})).epoch >= 2);
    const third = await at.startCoordinator();
    await second.stop();
    const epochOfAgents = await waitUntil("the third leads, and agents obey it", async () => {
      const { epoch, agents } = await callApi(bus, "status", {}, { timeoutMs: 20_000 });
      return epoch >= 3 && agents === 1 ? epoch : undefined;
    });
    // It dies with the server, so that nobody knows of its claim but agents.
    await at.losePower(() => third.stop());
    await at.startCoordinator();
    await waitUntil("agents obey the new leader", async () => {
      const { epoch, agents } = await callApi(bus, "status", {}, { timeoutMs: 20_000 });
      return agents === 1 && epoch > epochOfAgents;
    });
    expect(await at.ended("r1", () => void finish("a", true))).toBe("succeeded");
  });
});

/** With an agent whose jobs end when they are told to. */
async function placeWith() {
  const at = await place();
  const agent = new ScriptedAgent(at.bus, { outcome: () => undefined });
  cleanups.push(async () => agent.stop());
  /** Whether the job was started; ends every attempt of it. */
  const finish = (name: string, isEnded: boolean): boolean => {
    const requests = agent.requests.filter(({ spec }) => spec.name === name);
    if (isEnded) for (const request of requests) agent.finish(request, succeeded);
    return requests.length > 0;
  };
  return { at, bus: at.bus, finish };
}
