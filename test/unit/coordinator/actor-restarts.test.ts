/** Actors of a coordinator that fail, as by a defect of their code, and what the others tell them when they go on. */
import { describe, expect, it, onTestFinished } from "vitest";
import { FleetActor } from "../../../coordinator/actors/fleet.ts";
import type { FleetMessage, SchedulerMessage } from "../../../coordinator/actors/messages.ts";
import { ReuseActor } from "../../../coordinator/actors/reuse.ts";
import type { ReuseMessage } from "../../../coordinator/actors/reuse-message.ts";
import { SchedulerActor } from "../../../coordinator/actors/scheduler.ts";
import { Scheduler } from "../../../coordinator/core/scheduler.ts";
import type { Behaviour } from "../../../shared/actor/contract.ts";
import type { ApiResult } from "../../../shared/model/api.ts";
import type { StorageUsage } from "../../../shared/model/storage-usage.ts";
import { CoordinatorWorld, SimulatedAgent } from "../../support/coordinator-world.ts";
import type { Sketch } from "../../support/run-driver.ts";
import { ReuseScene } from "./reuse-scene.ts";

/** Lets an actor fail at the next message of a kind, which is lost with it. */
function failAt<M extends { readonly kind: string }>(
  prototype: Behaviour<M>,
  kind: M["kind"],
): { has: boolean } {
  const { receive } = prototype;
  const failure = { has: false };
  prototype.receive = function (message, context) {
    if (message.kind !== kind || failure.has) return receive.call(this, message, context);
    failure.has = true;
    throw new Error("code with a defect");
  };
  onTestFinished(() => {
    prototype.receive = receive;
  });
  return failure;
}

const manyJobs: Sketch = Object.fromEntries(Array.from({ length: 8 }, (_, index) => [`job${index}`, {}]));
/** Of the simulated agent: two slots, and one job in store for each. */
const PLACES = 4;

/** An agent that is given as much of a run with eight jobs as it has room for. */
async function busy() {
  const world = new CoordinatorWorld();
  await world.startCoordinator();
  const agent = new SimulatedAgent(world, "one", () => undefined);
  // An agent whose jobs are short has more in store.
  agent.wallMsOf = () => 60_000;
  await world.submit("r1", manyJobs);
  await world.clock.advance(2_000);
  expect(agent.started).toHaveLength(PLACES);
  let ended = 0;
  /** Ends the job that has been there for longest; what is given out then is known when this resolves. */
  const finishOne = async (): Promise<void> => {
    const request = agent.started[ended];
    if (request === undefined) throw new Error("nothing runs");
    ended += 1;
    agent.finish(request);
    await world.clock.advance(5_000);
  };
  const held = (): number => agent.started.length - ended;
  return { world, agent, finishOne, held };
}

describe("a scheduler that has failed", () => {
  it("knows again who waits and which places are taken: all go on, and none is given out twice", async () => {
    const { world, agent, finishOne, held } = await busy();
    const { plan } = Scheduler.prototype;
    let hasFailed = false;
    Scheduler.prototype.plan = function () {
      if (hasFailed) return plan.call(this);
      hasFailed = true;
      throw new Error("code with a defect");
    };
    onTestFinished(() => {
      Scheduler.prototype.plan = plan;
    });
    await finishOne();
    expect(hasFailed).toBe(true);
    expect(held()).toBe(PLACES);
    while (held() > 0) {
      expect(held()).toBeLessThanOrEqual(PLACES);
      await finishOne();
    }
    expect(agent.started).toHaveLength(8);
    expect(await world.view("r1")).toMatchObject({ status: "succeeded" });
  });

  it("is asked for the jobs of before, not for those that have ended since", async () => {
    const { world, finishOne } = await busy();
    const failure = failAt<SchedulerMessage>(SchedulerActor.prototype, "release");
    await finishOne();
    expect(failure.has).toBe(true);
    const status = await world.call("status", {});
    expect(status.ok && (status.result as ApiResult<"status">)).toMatchObject({ queued: 3, agents: 1 });
  });
});

describe("a scheduler that has failed while there is no room for new work", () => {
  it("gives nothing out all the same", async () => {
    const world = new CoordinatorWorld();
    const refusals = new Map<string, string>();
    let isTold = true;
    const usage: StorageUsage = { streams: [], accounts: [], isClustered: false };
    world.storage = {
      usage: () => (isTold ? Promise.resolve(usage) : new Promise(() => undefined)),
      refusals,
      kept: [],
      maxBytes: null,
    };
    await world.startCoordinator();
    await world.submit("r1", { a: {} });
    refusals.set("journal", "no space left");
    await world.clock.advance(5_000);
    // What was told of storage last is not told again.
    isTold = false;
    await world.clock.advance(5_000);
    const agent = new SimulatedAgent(world, "one");
    const failure = failAt<SchedulerMessage>(SchedulerActor.prototype, "offer");
    await world.clock.advance(20_000);
    expect(failure.has).toBe(true);
    expect(agent.started).toEqual([]);
  });
});

describe("a fleet actor that has failed", () => {
  it("knows the runs and their agents again: what is reported is accepted once, and more is given out", async () => {
    const { world, agent, finishOne, held } = await busy();
    const failure = failAt<FleetMessage>(FleetActor.prototype, "fromAgent");
    while (held() > 0) await finishOne();
    expect(failure.has).toBe(true);
    expect(agent.started).toHaveLength(8);
    expect(await world.view("r1")).toMatchObject({ status: "succeeded" });
    const ends = world.events("r1").filter(({ type }) => type === "job.succeeded");
    expect(ends).toHaveLength(8);
  });

  it("gives up an agent that it does not hear any more", async () => {
    const { world, agent } = await busy();
    agent.vanish();
    const failure = failAt<FleetMessage>(FleetActor.prototype, "tick");
    const other = new SimulatedAgent(world, "two");
    await world.clock.advance(60_000);
    expect(failure.has).toBe(true);
    expect(other.started).toHaveLength(8);
    expect(await world.view("r1")).toMatchObject({ status: "succeeded" });
  });
});

describe("a reuse actor that has failed", () => {
  const alone: Sketch = { base: { reuse: true } };

  it("is asked again for the jobs that it was looking for", async () => {
    const scene = await ReuseScene.open();
    const failure = failAt<ReuseMessage>(ReuseActor.prototype, "look");
    await scene.run("r1", alone);
    expect(failure.has).toBe(true);
    expect(scene.executed("r1")).toEqual(["base"]);
  });

  it("knows again who runs what: an equal job waits for its result", async () => {
    const scene = await ReuseScene.open(() => undefined);
    await scene.submit("r1", alone);
    const failure = failAt<ReuseMessage>(ReuseActor.prototype, "tick");
    await scene.world.clock.advance(5_000);
    expect(failure.has).toBe(true);
    await scene.submit("r2", alone);
    await scene.world.clock.advance(5_000);
    expect(scene.executed("r2")).toEqual([]);
    scene.agent.finish(scene.startOf("r1", "base"));
    await scene.finished("r2");
    expect(scene.typesOf("r2")).toContain("job.reused");
  });
});
