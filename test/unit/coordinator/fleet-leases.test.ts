import { describe, expect, it } from "vitest";
import type { Order } from "../../../shared/model/messages.ts";
import { attemptOf, FleetWorld, HandDrivenAgent } from "../../support/fleet-world.ts";

const kinds = (messages: readonly { readonly kind: string }[]) => messages.map(({ kind }) => kind);

function startOf(run: string): Order {
  const { phase: _, ...ref } = attemptOf(run);
  const spec = { name: "a", outputs: [], resources: {}, timeouts: {}, run: { script: "true" } };
  return { kind: "start", request: { ...ref, spec, env: [], inputs: [] } };
}

describe("a lease that a run tells of", () => {
  const resynced = { kind: "agentResynced", agent: "one", held: [attemptOf("r")] };

  it.each(["before", "after"])("is compared with what the agent says %s the run is loaded", async (when) => {
    const world = await FleetWorld.start();
    const agent = new HandDrivenAgent(world, "one");
    agent.held = [attemptOf("r")];
    if (when === "before") agent.hello();
    await world.settle();
    const told = world.open("r", "one");
    await world.settle();
    if (when === "after") agent.hello();
    await world.settle();
    expect(told).toMatchObject([resynced]);
  });

  it("is looked at once, however many leases the run has there", async () => {
    const world = await FleetWorld.start();
    new HandDrivenAgent(world, "one").hello();
    await world.settle();
    const told = world.open("r", "one", "one", "one");
    await world.settle();
    expect(kinds(told)).toEqual(["agentResynced"]);
  });

  it("is lost when its agent is not heard in time", async () => {
    const world = await FleetWorld.start();
    const told = world.open("r", "one");
    await world.clock.advance(14_000);
    expect(told).toEqual([]);
    await world.clock.advance(4_000);
    expect(told).toMatchObject([{ kind: "agentGone", agent: "one" }]);
    expect(world.toScheduler).toEqual([{ kind: "agentGone", agent: "one" }]);
  });

  it("is not lost with what could not be heard: its agent's time begins anew after an outage", async () => {
    const world = await FleetWorld.start();
    const told = world.open("r", "one");
    await world.clock.advance(10_000);
    world.coordinatorNode.transport.disconnect();
    await world.clock.advance(60_000);
    world.coordinatorNode.transport.reconnect();
    await world.clock.advance(13_000);
    expect(told).toEqual([]);
    await world.clock.advance(5_000);
    expect(told).toMatchObject([{ kind: "agentGone", agent: "one" }]);
  });

  it.each(["lost", "left"])("is lost at once when the run is loaded after its agent %s", async (how) => {
    const world = await FleetWorld.start();
    const agent = new HandDrivenAgent(world, "one");
    agent.hello();
    await world.settle();
    if (how === "left") agent.send("bye", { reason: "stopped" });
    else await world.clock.advance(16_000);
    await world.settle();
    const told = world.open("r", "one");
    await world.settle();
    expect(told).toMatchObject([{ kind: "agentGone", agent: "one" }]);
  });

  it("is lost when its agent is given up while it is being stored", async () => {
    const world = await FleetWorld.start();
    new HandDrivenAgent(world, "one").hello();
    const told = world.open("r");
    await world.clock.advance(16_000);
    expect(told).toEqual([]);
    world.fleet.tell({ kind: "orders", agent: "one", orders: [startOf("r")] });
    await world.settle();
    expect(told).toMatchObject([{ kind: "agentGone", agent: "one" }]);
  });

  it("is compared with what the agent's successor holds when that has come while it was being stored", async () => {
    const world = await FleetWorld.start();
    new HandDrivenAgent(world, "one", "disk.1").hello();
    const told = world.open("r");
    await world.settle();
    const successor = new HandDrivenAgent(world, "one", "disk.2");
    successor.hello();
    await world.settle();
    world.fleet.tell({ kind: "orders", agent: "one", incarnation: "disk.1", orders: [startOf("r")] });
    await world.settle();
    expect(told).toMatchObject([{ kind: "agentResynced", incarnation: "disk.2", held: [] }]);
    expect(successor.orders).toEqual([]);
  });

  it("is safe with an agent that was awaited and has come", async () => {
    const world = await FleetWorld.start();
    const told = world.open("r", "one");
    await world.clock.advance(10_000);
    const agent = new HandDrivenAgent(world, "one");
    agent.held = [attemptOf("r")];
    agent.hello();
    await world.pass(30_000, agent);
    expect(kinds(told)).toEqual(["agentResynced"]);
    expect(kinds(world.toScheduler)).not.toContain("agentGone");
  });

  it("is lost with its agent, whichever run it is of and however it was given", async () => {
    const world = await FleetWorld.start();
    new HandDrivenAgent(world, "one").hello();
    await world.settle();
    const adopted = [world.open("r1", "one"), world.open("r2", "one")];
    const ordered = world.open("r3");
    world.fleet.tell({ kind: "orders", agent: "one", orders: [startOf("r3")] });
    const other = world.open("r4");
    await world.clock.advance(18_000);
    for (const told of [...adopted, ordered])
      expect(told.at(-1)).toMatchObject({ kind: "agentGone", agent: "one" });
    expect(other).toEqual([]);
  });

  it("is lost in time though other runs tell later that they wait for the same agent", async () => {
    const world = await FleetWorld.start();
    const told = world.open("r1", "one");
    await world.clock.advance(10_000);
    world.open("r2", "one");
    await world.clock.advance(6_000);
    expect(kinds(told)).toEqual(["agentGone"]);
  });

  it("is not looked at when a run tells of it again: it is compared once for each hello", async () => {
    const world = await FleetWorld.start();
    const agent = new HandDrivenAgent(world, "one");
    agent.held = [attemptOf("r")];
    agent.hello();
    await world.settle();
    const { ref, told } = world.run("r");
    world.fleet.tell({ kind: "runOpened", run: "r", ref });
    world.fleet.tell({ kind: "leaseAdopted", run: "r", agent: "one" });
    world.fleet.tell({ kind: "recovered", runs: [{ run: "r", ref }] });
    await world.settle();
    expect(kinds(told)).toEqual(["agentResynced"]);
  });

  it("is looked at again when the actor of its run was restarted", async () => {
    const world = await FleetWorld.start();
    new HandDrivenAgent(world, "one").hello();
    await world.settle();
    const { ref, told } = world.run("r");
    for (let start = 0; start < 2; start++) {
      world.fleet.tell({ kind: "runOpened", run: "r", ref });
      world.fleet.tell({ kind: "leaseAdopted", run: "r", agent: "one" });
    }
    await world.settle();
    expect(kinds(told)).toEqual(["agentResynced", "agentResynced"]);
  });

  it("is given up with an agent that has gone just before a restart of the fleet actor", async () => {
    const world = await FleetWorld.start();
    const [gone, stays] = [new HandDrivenAgent(world, "gone"), new HandDrivenAgent(world, "stays")];
    gone.hello();
    stays.held = [attemptOf("r")];
    stays.hello();
    await world.settle();
    await world.failFleet();
    expect(world.coordinatorNode.system.counters.restarts).toBe(1);
    stays.hello();
    const told = world.open("r");
    world.fleet.tell({ kind: "orders", agent: "gone", orders: [startOf("r")] });
    await world.pass(20_000, stays);
    const agentsGone = [{ kind: "agentGone", agent: "gone" }];
    expect(world.toScheduler.filter(({ kind }) => kind === "agentGone")).toEqual(agentsGone);
    expect(told.filter(({ kind }) => kind === "agentGone")).toMatchObject(agentsGone);
  });
});

describe("a run that is over", () => {
  it("hears nothing more, and what an agent tells of it is settled", async () => {
    const world = await FleetWorld.start();
    const agent = new HandDrivenAgent(world, "one");
    agent.hello();
    const told = world.open("r", "one");
    await world.settle();
    world.fleet.tell({ kind: "runClosed", run: "r" });
    const { phase: _, ...ref } = attemptOf("r");
    agent.send("report", { items: [{ kind: "returned", ...ref, reason: "it can't be read" }] });
    await world.settle();
    expect(agent.orders).toEqual([{ kind: "settle", ...ref }]);
    agent.send("bye", { reason: "stopped" });
    await world.settle();
    expect(kinds(told)).toEqual(["agentResynced"]);
  });
});

describe("what belongs to no run", () => {
  const measured = { wallMs: 1, cpuMs: null, peakMemoryBytes: null, artifact: null, logBytes: 0 };
  const { phase: _, ...ref } = attemptOf("gone");
  const item = { ...ref, kind: "finished", result: { outcome: { kind: "succeeded" }, ...measured } };

  it("is dropped or ended when its agent says hello, and whenever it reports it", async () => {
    const world = await FleetWorld.start();
    const agent = new HandDrivenAgent(world, "one");
    agent.held = [attemptOf("gone", "finished"), attemptOf("over")];
    agent.hello();
    await world.settle();
    expect(agent.orders).toMatchObject([
      { kind: "settle", run: "gone" },
      { kind: "cancel", run: "over" },
    ]);
    agent.send("report", { items: [item, { ...ref, kind: "started" }] });
    await world.settle();
    expect(agent.orders).toMatchObject([{}, {}, { kind: "settle", run: "gone" }]);
  });

  it("is not what the coordinator finds in the journal", async () => {
    const world = await FleetWorld.start();
    world.going.add("r");
    const agent = new HandDrivenAgent(world, "one");
    agent.held = [attemptOf("r"), attemptOf("gone")];
    agent.hello();
    await world.settle();
    expect(agent.orders).toMatchObject([{ kind: "cancel", run: "gone" }]);
    const told = world.open("r", "one");
    await world.settle();
    expect(told).toMatchObject([{ kind: "agentResynced", agent: "one", held: [attemptOf("r")] }]);
  });

  it("is not what an agent holds of a run that has no lease there: the run says what becomes of it", async () => {
    const world = await FleetWorld.start();
    world.going.add("r");
    const agent = new HandDrivenAgent(world, "one");
    agent.held = [attemptOf("r")];
    agent.hello();
    await world.settle();
    const { ref, told } = world.run("r");
    world.fleet.tell({ kind: "runOpened", run: "r", ref });
    await world.settle();
    expect(told).toEqual([]);
    world.fleet.tell({ kind: "recovered", runs: [{ run: "r", ref }] });
    await world.settle();
    expect(told).toMatchObject([{ kind: "agentResynced", agent: "one", held: [attemptOf("r")] }]);
    expect(agent.orders).toEqual([]);
  });

  it("is told again to a run whose actor was restarted, which has no lease there", async () => {
    const world = await FleetWorld.start();
    world.going.add("r");
    const agent = new HandDrivenAgent(world, "one");
    agent.held = [attemptOf("r")];
    new HandDrivenAgent(world, "two").hello();
    const { ref, told } = world.run("r");
    world.fleet.tell({ kind: "runOpened", run: "r", ref });
    world.fleet.tell({ kind: "recovered", runs: [{ run: "r", ref }] });
    agent.hello();
    await world.settle();
    told.length = 0;
    world.fleet.tell({ kind: "runOpened", run: "r", ref });
    await world.settle();
    expect(told).toMatchObject([{ kind: "agentResynced", agent: "one", held: [attemptOf("r")] }]);
  });

  it("is not what belongs to a run that the fleet actor has not met since its restart", async () => {
    const world = await FleetWorld.start();
    const agent = new HandDrivenAgent(world, "one");
    agent.held = [attemptOf("gone")];
    const { ref: run, told } = world.run("gone");
    world.fleet.tell({ kind: "recovered", runs: [{ run: "gone", ref: run }] });
    agent.hello();
    agent.send("report", { items: [item] });
    await world.settle();
    expect(agent.orders).toEqual([]);
    expect(kinds(told)).toEqual(["agentResynced", "reported"]);
  });
});
