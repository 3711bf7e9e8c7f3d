import { describe, expect, it } from "vitest";
import { Estimates } from "../../../coordinator/core/estimates.ts";
import { EstimateStore } from "../../../coordinator/journal/estimate-store.ts";
import type { Explanation } from "../../../shared/model/api.ts";
import { keysOf } from "../../../shared/model/job-keys.ts";
import { CoordinatorWorld, SimulatedAgent } from "../../support/coordinator-world.ts";
import { jobsOf, type Sketch, succeeded } from "../../support/run-driver.ts";
import { MemoryObjects } from "../store/memory-objects.ts";

/** The deepest chain is of quick jobs; two slow ones take longer than all of it. */
const forked: Sketch = {
  quick1: {},
  quick2: { needs: ["quick1"] },
  quick3: { needs: ["quick2"] },
  quick4: { needs: ["quick3"] },
  slow1: {},
  slow2: { needs: ["slow1"] },
};
const SLOW_MS = 60_000;

/** An agent that ends the jobs of `r1` at once, and goes on with those of other runs. */
function agentOf(world: CoordinatorWorld): SimulatedAgent {
  const agent = new SimulatedAgent(world, "one", ({ run }) => (run === "r1" ? succeeded : undefined));
  agent.wallMsOf = (job) => (job.startsWith("slow") ? SLOW_MS : 5);
  return agent;
}

const startedOf = (agent: SimulatedAgent, run: string): string[] =>
  agent.started.filter((request) => request.run === run).map(({ spec }) => spec.name);

async function explained(world: CoordinatorWorld, run: string, job: string): Promise<Explanation["reasons"]> {
  const reply = await world.call("explain", { run, job });
  if (!reply.ok) throw new Error(reply.message);
  return (reply.result as Explanation).reasons.filter(({ code }) => code === "estimate");
}

async function ended(world: CoordinatorWorld, run: string): Promise<void> {
  await world.clock.runUntil(() => world.events(run).some(({ type }) => type === "run.finished"));
}

describe("a graph whose longest chain is not the deepest", () => {
  it("starts the deepest chain first at first, and the longest one when it runs again", async () => {
    const world = new CoordinatorWorld();
    await world.startCoordinator();
    const agent = agentOf(world);
    await world.submit("r1", forked);
    await ended(world, "r1");
    expect(startedOf(agent, "r1").slice(0, 2)).toEqual(["quick1", "slow1"]);
    await world.submit("r2", forked);
    expect(startedOf(agent, "r2")).toEqual(["slow1", "quick1"]);
  });

  it("does so with the next leader, too, also in a run that it has taken over", async () => {
    const world = new CoordinatorWorld();
    const first = await world.startCoordinator();
    const agent = agentOf(world);
    await world.submit("r1", forked);
    await ended(world, "r1");
    await world.clock.advance(15_000);
    const graph = { inline: { jobs: jobsOf(forked) } };
    await world.call("submit", { run: "r2", graph, options: { priority: 0 } });
    first.crash();
    await world.startCoordinator();
    await world.clock.advance(20_000);
    await world.call("priority", { run: "r2", priority: 500 });
    expect(startedOf(agent, "r2")).toEqual(["slow1", "quick1"]);
  });

  it("is told when it will end, and how long a job takes that waits", async () => {
    const world = new CoordinatorWorld();
    await world.startCoordinator();
    agentOf(world);
    await world.submit("r1", forked);
    await ended(world, "r1");
    expect((await world.view("r1")).expectedEndAt).toBeUndefined();
    await world.submit("r2", forked);
    const { expectedEndAt = "" } = await world.view("r2");
    const leftMs = Date.parse(expectedEndAt) - world.clock.now();
    // Both slow jobs, less what the first one has behind it.
    expect(leftMs).toBeGreaterThan(2 * SLOW_MS - 3_000);
    expect(leftMs).toBeLessThan(2 * SLOW_MS * 1.01);
    expect(await explained(world, "r2", "slow2")).toEqual([
      { code: "estimate", message: "it took 60 s when it ran last" },
    ]);
    expect((await world.view("r2")).expectedEndAt).toBeDefined();
    await world.submit("r3", { other: {}, unknown: {} });
    expect((await world.view("r3")).expectedEndAt).toBeUndefined();
  });
});

describe("the store of estimates", () => {
  const job = keysOf({ name: "a", run: { script: "make" } });
  const giveWay = (): Promise<void> => Promise.resolve();

  function known(...durations: number[]): Estimates {
    const estimates = new Estimates();
    for (const wallMs of durations) estimates.onSucceeded(job, wallMs);
    return estimates;
  }

  it("keeps what was saved last, and nothing of a leader that was deposed", async () => {
    const store = new EstimateStore({ objects: new MemoryObjects(), giveWay });
    expect(await store.read()).toBeUndefined();
    expect(await store.save(known(100), 1)).toBe(true);
    expect(await store.save(known(100, 200, 300), 2)).toBe(true);
    expect(await store.save(known(900), 1)).toBe(false);
    expect((await store.read())?.of(job)).toEqual({ medianMs: 200, spreadMs: 100, runs: 3 });
  });

  it("says so when it holds what can't be read", async () => {
    const objects = new MemoryObjects();
    objects.stored.set("estimates", Buffer.from("{}"));
    await expect(new EstimateStore({ objects, giveWay }).read()).rejects.toThrow(RangeError);
  });

  it("is read again until it answers, and nothing is saved before", async () => {
    const world = new CoordinatorWorld();
    await new EstimateStore({ objects: world.estimates, giveWay }).save(known(7_000), 1);
    const info = world.estimates.info.bind(world.estimates);
    world.estimates.info = () => Promise.reject(new Error("no answer"));
    await world.startCoordinator();
    agentOf(world);
    const before = world.estimates.stored.get("estimates");
    await world.submit("r1", { a: { run: { script: "make" } } });
    await ended(world, "r1");
    await world.clock.advance(30_000);
    expect(world.estimates.stored.get("estimates")).toBe(before);
    world.estimates.info = info;
    await world.clock.advance(30_000);
    await world.submit("r2", { a: { run: { script: "make" } } });
    expect(await explained(world, "r2", "a")).toEqual([
      { code: "estimate", message: "it took 3.5 s the last 2 times, give or take 3.5 s" },
    ]);
  });
});
