import { describe, expect, it } from "vitest";
import { CoordinatorWorld, SimulatedAgent } from "../../support/coordinator-world.ts";

async function place() {
  const world = new CoordinatorWorld();
  await world.startCoordinator();
  await world.submit("r1", { a: {}, b: {} });
  return world;
}

describe("a priority", () => {
  it("that is set for a job is that of the job alone", async () => {
    const world = await place();
    const set = await world.call("priority", { run: "r1", job: "a", priority: 0 });
    expect(set).toEqual({ ok: true, result: { priority: 0 } });
    const agent = new SimulatedAgent(world, "one");
    await world.clock.advance(5_000);
    expect(agent.started.map(({ spec }) => spec.name)).toEqual(["b"]);
    expect(await world.view("r1")).toMatchObject({ status: "running", priority: 500 });
    await world.call("priority", { run: "r1", job: "a", priority: 500 });
    await world.clock.advance(5_000);
    expect(await world.view("r1")).toMatchObject({ status: "succeeded" });
  });

  it("that was asked for before another one was set is refused", async () => {
    const world = await place();
    await world.call("priority", { run: "r1", priority: 900, after: 0 });
    const late = await world.call("priority", { run: "r1", priority: 0, after: 0 });
    expect(late).toMatchObject({ ok: false, code: "conflict", message: expect.stringContaining("run r1") });
    expect(await world.view("r1")).toMatchObject({ priority: 900, priorityChanges: 1 });
  });
});
