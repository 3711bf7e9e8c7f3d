import { describe, expect, it } from "vitest";
import type { Journal } from "../../../coordinator/journal/journal.ts";
import type { RunEvent } from "../../../shared/model/event.ts";
import { changed } from "../../support/changed.ts";
import { CoordinatorWorld, SimulatedAgent, subjects } from "../../support/coordinator-world.ts";
import { type Sketch, succeeded } from "../../support/run-driver.ts";

const diamond: Sketch = { a: {}, b: { needs: ["a"] }, c: { needs: ["a"] }, d: { needs: ["b", "c"] } };

describe("the coordinator's actors", () => {
  it("run a graph with every message between them serialised", async () => {
    const world = new CoordinatorWorld();
    await world.startCoordinator();
    const agent = new SimulatedAgent(world, "one");
    expect(await world.submit("r1", diamond)).toMatchObject({
      ok: true,
      result: { jobs: 4, repeated: false },
    });
    await world.clock.advance(1_000);
    expect((await world.view("r1")).status).toBe("succeeded");
    expect(agent.started.map((request) => request.spec.name)).toEqual(["a", "b", "c", "d"]);
    expect(world.log.filter((line) => line.level === "error")).toEqual([]);
  });

  it("number the events of a run without gap, in the order of what happened", async () => {
    const world = new CoordinatorWorld();
    await world.startCoordinator();
    new SimulatedAgent(world, "one");
    await world.submit("r1", { a: {}, b: { needs: ["a"] } });
    await world.clock.advance(1_000);
    const events = world.events("r1");
    expect(events.map((event) => event.seq)).toEqual(events.map((_, index) => index + 1));
    const told = events.map((event) => ("job" in event ? `${event.type} ${event.job}` : event.type));
    expect(told).toEqual([
      "run.submitted",
      "job.ready a",
      "job.assigned a",
      "job.started a",
      "job.succeeded a",
      "job.ready b",
      "job.assigned b",
      "job.started b",
      "job.succeeded b",
      "run.finished",
    ]);
  });

  it("tell each event live as well, once, those of a job on a subject of its own", async () => {
    const world = new CoordinatorWorld();
    const first = await world.startCoordinator(undefined, (eventLog) =>
      changed(eventLog, { store: () => new Promise(() => undefined) }),
    );
    const live: [string, RunEvent][] = [];
    world.network.connect("listener").subscribe(`${subjects.root}.run.r1.>`, (payload, subject) => {
      live.push([subject, JSON.parse(Buffer.from(payload).toString()) as RunEvent]);
    });
    const agent = new SimulatedAgent(world, "one", () => undefined);
    await world.submit("r1", { a: {} });
    first.crash();
    // What the first one could not store any more was told by it all the same.
    await world.startCoordinator();
    await world.clock.advance(5_000);
    const [a] = agent.started;
    if (a === undefined) throw new Error("a was not started");
    agent.finish(a);
    await world.clock.advance(5_000);
    const told = [...live].sort(([, one], [, other]) => one.seq - other.seq);
    expect(told.map(([, event]) => event)).toEqual(world.events("r1"));
    for (const [subject, event] of told) {
      const { type } = event;
      const own = "job" in event ? subjects.jobEvent("r1", event.job, type) : subjects.runEvent("r1", type);
      expect(subject).toBe(own);
    }
  });

  it("make a dependant go on by the message on its subject, and repair one that was lost", async () => {
    const world = new CoordinatorWorld();
    const node = await world.startCoordinator();
    const agent = new SimulatedAgent(world, "one", () => undefined);
    await world.submit("r1", { a: {}, b: { needs: ["a"] } });
    const [a] = agent.started;
    if (a === undefined) throw new Error("a was not started");
    agent.finish(a);
    // The result is accepted, and its message on `dep` lost: the coordinator is cut off before it comes back.
    await world.clock.runUntil(() =>
      world.events("r1").some((event) => event.type === "job.ready" && event.job === "b"),
    );
    expect(agent.started).toHaveLength(1);
    node.transport.disconnect();
    await world.clock.advance(500);
    node.transport.reconnect();
    await world.clock.advance(5_000);
    expect(agent.started.map((request) => request.spec.name)).toEqual(["a", "b"]);
  });

  it("are said to fit no agent equally soon, whenever they came", async () => {
    const world = new CoordinatorWorld();
    await world.startCoordinator();
    new SimulatedAgent(world, "one", () => undefined);
    await world.clock.advance(20_000);
    for (const run of ["r1", "r2", "r3"]) {
      await world.submit(run, { a: { labels: [["gpu", "yes"]] } });
      await world.clock.advance(1_500);
    }
    await world.clock.advance(20_000);
    const waitsMs = ["r1", "r2", "r3"].map((run) => {
      const momentOf = (type: string): number =>
        Date.parse(world.events(run).find((event) => event.type === type)?.at ?? "");
      return momentOf("job.unschedulable") - momentOf("job.ready");
    });
    expect(Math.max(...waitsMs) - Math.min(...waitsMs)).toBeLessThan(100);
  });

  it("start nothing for a result that somebody forged", async () => {
    const world = new CoordinatorWorld();
    await world.startCoordinator();
    const agent = new SimulatedAgent(world, "one", () => undefined);
    await world.submit("r1", { a: {}, b: { needs: ["a"] } });
    const forger = world.node("forger");
    const forged = {
      v: 1,
      run: "r1",
      job: "a",
      index: 0,
      status: "succeeded",
      allowed: false,
      artifact: null,
    };
    const payload = Buffer.from(JSON.stringify({ ...forged, rootCause: null }));
    forger.transport.publish(subjects.dependency("r1", "a"), payload);
    await world.clock.advance(5_000);
    expect(agent.started.map((request) => request.spec.name)).toEqual(["a"]);
  });

  it("keep no run in memory any longer because it was taken over", async () => {
    const world = new CoordinatorWorld();
    const first = await world.startCoordinator();
    const agent = new SimulatedAgent(world, "one", ({ run }) => (run === "r1" ? succeeded : undefined));
    await world.submit("r1", { a: {} });
    await world.submit("r2", { a: {} });
    first.crash();
    await world.startCoordinator();
    expect(await world.view("r1")).toMatchObject({ status: "succeeded" });
    const living = agent.started.find(({ run }) => run === "r2");
    if (living !== undefined) agent.finish(living);
    await world.clock.advance(5_000);
    expect(await world.view("r2")).toMatchObject({ status: "succeeded" });
    expect(world.takenOver.map(({ living, ended }) => living.size + ended.size)).toEqual([0, 0]);
  });

  it("are told when another coordinator leads, and change nothing any more", async () => {
    const world = new CoordinatorWorld();
    await world.startCoordinator();
    const agent = new SimulatedAgent(world, "one", () => undefined);
    await world.submit("r1", diamond);
    await world.startCoordinator();
    const [a] = agent.started;
    if (a === undefined) throw new Error("a was not started");
    agent.finish(a);
    await world.clock.advance(20_000);
    expect(world.deposed).toEqual([2]);
    const epochs = world.journalStream.recordsOf(subjects.journal("r1")).map((record) => record.epoch);
    expect(epochs).toEqual([...epochs].sort());
    expect(agent.started.filter((request) => request.spec.name === "a")).toHaveLength(1);
  });

  it("end a run as infrastructure when its actor fails again and again, and serve the others", async () => {
    const world = new CoordinatorWorld();
    let isBroken = true;
    const breakRun = (journal: Journal): Journal =>
      changed(journal, {
        append: (append) => {
          const payload = Buffer.from(append.payload);
          const isClosing = payload.includes("claimed") || payload.includes("aborted");
          if (append.run === "bad" && append.expectedSeq > 0 && isBroken && !isClosing) {
            return Promise.reject(new Error("broken for this test"));
          }
          return journal.append(append);
        },
      });
    await world.startCoordinator(breakRun);
    new SimulatedAgent(world, "one");
    await world.submit("bad", diamond);
    await world.submit("good", diamond);
    await world.clock.advance(30_000);
    expect((await world.view("bad")).status).toBe("infrastructure");
    expect((await world.view("good")).status).toBe("succeeded");
    expect(world.events("bad").at(-1)).toMatchObject({ type: "run.finished", status: "infrastructure" });
    isBroken = false;
  });
});
