import { describe, expect, it } from "vitest";
import { attemptOf, FleetWorld, HandDrivenAgent } from "../../support/fleet-world.ts";

describe("an agent that has obeyed an epoch", () => {
  it("above this leader's is told of, registered or not", async () => {
    const world = await FleetWorld.start();
    const agent = new HandDrivenAgent(world, "one");
    agent.epoch = 9;
    agent.heartbeat();
    await world.settle();
    expect(world.obeyed).toEqual([9]);
    agent.epoch = 12;
    agent.hello();
    await world.settle();
    expect(world.obeyed).toEqual([9, 12]);
  });

  it("of this leader's number is told of when it has handled more of its orders than were given", async () => {
    const world = await FleetWorld.start();
    const agent = new HandDrivenAgent(world, "one");
    agent.hello();
    await world.settle();
    agent.heartbeat();
    await world.settle();
    expect(agent.ordersSeen).toBe(1);
    expect(world.obeyed).toEqual([]);
    agent.ordersSeen = 2;
    agent.heartbeat();
    await world.settle();
    expect(world.obeyed).toEqual([7]);
    const other = new HandDrivenAgent(world, "two");
    other.ordersSeen = 1;
    other.hello();
    await world.settle();
    expect(world.obeyed).toEqual([7, 7]);
  });

  it("is not told of for a late word of one that has handled more orders than its successor was given", async () => {
    const world = await FleetWorld.start();
    const first = new HandDrivenAgent(world, "one", "disk.1");
    first.hello();
    await world.settle();
    world.fleet.tell({ kind: "orders", agent: "one", orders: [{ kind: "mode", mode: "held" }] });
    await world.settle();
    expect(first.ordersSeen).toBe(2);
    new HandDrivenAgent(world, "one", "disk.2").hello();
    await world.settle();
    first.heartbeat();
    await world.settle();
    expect(world.obeyed).toEqual([]);
  });

  it("is not believed when that is nonsense: it is counted, and shown to operators", async () => {
    const world = await FleetWorld.start();
    const agent = new HandDrivenAgent(world, "one");
    agent.epoch = 1_000_008;
    agent.hello();
    await world.settle();
    expect(world.obeyed).toEqual([]);
    expect(world.toScheduler).toEqual([]);
    expect(world.coordinatorNode.system.deadLetterCounts()).toEqual([["epoch", 1]]);
  });
});

describe("what becomes of agents", () => {
  it("is told with numbers that rise over all leaders, and over a restart of the fleet actor", async () => {
    const world = await FleetWorld.start();
    const agent = new HandDrivenAgent(world, "one");
    agent.held = [attemptOf("r")];
    agent.hello();
    await world.settle();
    agent.heartbeat();
    await world.settle();
    await world.failFleet();
    agent.hello();
    await world.settle();
    expect(world.events.map(({ type, seq }) => [type, seq])).toEqual([
      ["agent.joined", 7_000_000_001],
      ["agent.joined", 7_000_000_002],
    ]);
  });
});
