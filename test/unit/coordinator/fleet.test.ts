import { describe, expect, it } from "vitest";
import type { Reply } from "../../../coordinator/actors/messages.ts";
import type { ActorRef, Codec } from "../../../shared/actor/contract.ts";
import { MessageCodec } from "../../../shared/actor/message-codec.ts";
import type { ApiCommand, ApiResult } from "../../../shared/model/api.ts";
import { MillraceError } from "../../../shared/model/error.ts";
import type { Order } from "../../../shared/model/messages.ts";
import { recorder } from "../../support/actor-world.ts";
import { attemptOf, FleetWorld, fleetSubjects, HandDrivenAgent } from "../../support/fleet-world.ts";

const codec = new MessageCodec();
const kinds = (messages: readonly { readonly kind: string }[]) => messages.map(({ kind }) => kind);

function startOf(run: string): Order {
  const { phase: _, ...ref } = attemptOf(run);
  const spec = { name: "a", outputs: [], resources: {}, timeouts: {}, run: { script: "true" } };
  return { kind: "start", request: { ...ref, spec, env: [], inputs: [] } };
}

/** Fails to write what names the lease, as long as there is an error for it. */
function codecThatFails(lease: string, errorFor: () => Error | undefined): Codec {
  return {
    encode: (value) => {
      const error = JSON.stringify(value).includes(lease) ? errorFor() : undefined;
      if (error !== undefined) throw error;
      return codec.encode(value);
    },
    decode: (bytes) => codec.decode(bytes),
  };
}

/** Lets time pass in which these agents are heard. */
async function pass(world: FleetWorld, ms: number, ...agents: HandDrivenAgent[]): Promise<void> {
  for (let passedMs = 0; passedMs < ms; passedMs += 1_000) {
    for (const agent of agents) agent.heartbeat();
    await world.clock.advance(1_000);
  }
}

/** The names of the agents that people are told of. */
async function listed(world: FleetWorld): Promise<string[]> {
  return (await page(world, { offset: 0, limit: 10 })).agents.map(({ agent }) => agent);
}

/** What people are told who ask for some of the agents. */
async function page(world: FleetWorld, request: ApiCommand<"agents">): Promise<ApiResult<"agents">> {
  const told: Reply[] = [];
  const replyTo = world.coordinatorNode.system.spawn<Reply>("reader", recorder(told));
  world.fleet.tell({ kind: "command", command: { verb: "agents", request }, replyTo });
  await world.settle();
  world.coordinatorNode.system.stopActor(replyTo as ActorRef<never>);
  await world.settle();
  const [reply] = told;
  if (reply?.ok !== true) throw new Error("the agents were not listed");
  return reply.result as ApiResult<"agents">;
}

describe("the roll call of a new leader", () => {
  it("asks everybody of whom a heartbeat is kept for a hello, and knows the fleet after a round trip", async () => {
    let tell: (tokens: string[]) => void = () => undefined;
    const heardOf = () => new Promise<string[]>((resolve) => (tell = resolve));
    const world = await FleetWorld.start({ heardOf });
    const agents = ["one", "two", "three"].map((name) => new HandDrivenAgent(world, name));
    tell(["one", "two"]);
    await world.settle();
    expect(agents.map((agent) => agent.wasAsked)).toEqual([true, true, false]);
    for (const agent of agents) if (agent.wasAsked) agent.hello();
    await world.settle();
    expect(world.toScheduler).toMatchObject([
      { kind: "offer", offer: { name: "one" } },
      { kind: "offer", offer: { name: "two" } },
    ]);
  });

  it("does without heartbeats that can't be read", async () => {
    const world = await FleetWorld.start({ heardOf: () => Promise.reject(new Error("no stream")) });
    const agent = new HandDrivenAgent(world, "one");
    await world.settle();
    agent.heartbeat();
    await world.settle();
    expect(agent.wasAsked).toBe(true);
    expect(world.log).toMatchObject([{ level: "warn" }]);
  });

  it("asks once, however much is heard from an unknown agent at a time", async () => {
    const world = await FleetWorld.start();
    const agent = new HandDrivenAgent(world, "one");
    for (let count = 0; count < 100; count++) agent.heartbeat();
    await world.settle();
    expect(agent.heard).toHaveLength(1);
    await world.clock.advance(1_000);
    agent.heartbeat();
    await world.settle();
    expect(agent.heard).toHaveLength(2);
  });
});

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
    await pass(world, 30_000, agent);
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

describe("silence", () => {
  const states = (world: FleetWorld) => world.events.map(({ type }) => type.slice("agent.".length));

  it("makes an agent suspect, then lost, and its jobs are given up once", async () => {
    const world = await FleetWorld.start();
    new HandDrivenAgent(world, "one").hello();
    await world.settle();
    const told = world.open("r", "one");
    await world.clock.advance(20_000);
    expect(states(world)).toEqual(["joined", "suspect", "lost"]);
    expect(kinds(told)).toEqual(["agentResynced", "agentGone"]);
    expect(world.toScheduler).toMatchObject([
      { kind: "offer", offer: { mode: "active" } },
      { kind: "offer", offer: { mode: "held" } },
      { kind: "agentGone", agent: "one" },
    ]);
    world.fleet.tell({ kind: "schedulerStarted" });
    await world.settle();
    expect(world.toScheduler).toHaveLength(3);
  });

  it("of an agent that has left is none: its jobs are given up at once", async () => {
    const world = await FleetWorld.start();
    const agent = new HandDrivenAgent(world, "one");
    agent.hello();
    await world.settle();
    const told = world.open("r", "one");
    agent.send("bye", { reason: "stopped" });
    await world.settle();
    expect(kinds(told)).toEqual(["agentResynced", "agentGone"]);
    expect(kinds(world.toScheduler)).toEqual(["offer", "agentGone"]);
    expect(states(world)).toEqual(["joined", "left"]);
  });

  it("is not counted while the coordinator itself is cut off, nor at once after", async () => {
    const world = await FleetWorld.start();
    const agent = new HandDrivenAgent(world, "one");
    agent.hello();
    await pass(world, 5_000, agent);
    world.coordinatorNode.transport.disconnect();
    await world.clock.advance(60_000);
    world.coordinatorNode.transport.reconnect();
    await world.clock.advance(5_000);
    expect(states(world)).toEqual(["joined"]);
    await world.clock.advance(11_000);
    expect(states(world)).toEqual(["joined", "suspect", "lost"]);
  });

  it("of a server that takes messages and delivers none is not the agents'", async () => {
    const world = await FleetWorld.start();
    const agent = new HandDrivenAgent(world, "one");
    agent.hello();
    await pass(world, 3_000, agent);
    world.network.faults = { lose: 1 };
    await pass(world, 60_000, agent);
    world.network.faults = {};
    await pass(world, 5_000, agent);
    expect(states(world)).toEqual(["joined"]);
  });
});

describe("the listing of agents", () => {
  it("is told by the page, with how many there are and when each was heard", async () => {
    const world = await FleetWorld.start();
    const names = ["one", "three", "two"];
    const agents = names.map((name) => new HandDrivenAgent(world, name));
    for (const agent of agents) agent.hello();
    await pass(world, 5_000, ...agents);
    await world.clock.advance(3_000);
    const { total, agents: listing } = await page(world, { offset: 1, limit: 1 });
    expect([total, listing.map(({ agent }) => agent)]).toEqual([3, ["three"]]);
    expect(listing[0]?.lastHeardMsAgo).toBeGreaterThan(3_000);
    expect(listing[0]?.lastHeardMsAgo).toBeLessThan(5_000);
  });
});

describe("an agent that has gone", () => {
  const HOUR_MS = 3600_000;

  it("is listed for a day, then forgotten, and is an agent like any other when it comes back", async () => {
    const world = await FleetWorld.start();
    const settle: Order = { kind: "settle", run: "r", job: 0, attempt: 1, lease: "l1" };
    const agent = new HandDrivenAgent(world, "one");
    agent.hello();
    await world.settle();
    world.fleet.tell({ kind: "orders", agent: "one", orders: [settle] });
    await world.settle();
    agent.send("bye", { reason: "stopped" });
    await world.clock.advance(23 * HOUR_MS);
    expect(await listed(world)).toEqual(["one"]);
    await world.clock.advance(2 * HOUR_MS);
    expect(await listed(world)).toEqual([]);
    agent.hello();
    await world.settle();
    world.fleet.tell({ kind: "orders", agent: "one", orders: [{ ...settle, lease: "l2" }] });
    await world.settle();
    expect(agent.orders).toMatchObject([{ lease: "l1" }, { lease: "l2" }]);
    // What it has handled before was of this leader, though that has forgotten it.
    expect(world.obeyed).toEqual([]);
  });
});

describe("orders to an agent", () => {
  const settle = (lease: string): Order => ({ kind: "settle", run: "r", job: 0, attempt: 1, lease });
  const leases = (orders: readonly Order[]) => orders.map((order) => ("lease" in order ? order.lease : ""));

  it("go on with their numbers when the agent was lost and comes back", async () => {
    const world = await FleetWorld.start();
    const agent = new HandDrivenAgent(world, "one");
    agent.hello();
    await world.settle();
    agent.transport.disconnect();
    world.fleet.tell({ kind: "orders", agent: "one", orders: [settle("never arrives")] });
    await world.clock.advance(20_000);
    agent.transport.reconnect();
    world.fleet.tell({ kind: "orders", agent: "one", orders: [settle("comes too late")] });
    await world.clock.advance(3_000);
    expect(agent.heard).toHaveLength(1);
    agent.heartbeat();
    await world.settle();
    expect(agent.heard.at(-1)?.number).toBe(0);
    agent.hello();
    await world.settle();
    world.fleet.tell({ kind: "orders", agent: "one", orders: [settle("arrives")] });
    await world.clock.advance(3_000);
    expect(leases(agent.orders)).toEqual(["arrives"]);
    expect(agent.ordersSeen).toBe(3);
  });

  it("arrive when the agent was lost, and the hello it comes back with is older than what it has handled", async () => {
    const world = await FleetWorld.start();
    const agent = new HandDrivenAgent(world, "one");
    agent.hello();
    await world.settle();
    for (const lease of ["first", "second"]) {
      world.fleet.tell({ kind: "orders", agent: "one", orders: [settle(lease)] });
      await world.settle();
    }
    await world.clock.advance(20_000);
    const seen = agent.ordersSeen;
    agent.ordersSeen = 1;
    agent.hello();
    agent.ordersSeen = seen;
    await world.settle();
    world.fleet.tell({ kind: "orders", agent: "one", orders: [settle("third")] });
    await world.clock.advance(3_000);
    expect(leases(agent.orders)).toEqual(["first", "second", "third"]);
  });

  it("are sent again until the agent has confirmed them, and not after that", async () => {
    const world = await FleetWorld.start();
    const agent = new HandDrivenAgent(world, "one");
    agent.hello();
    await world.settle();
    world.fleet.tell({ kind: "orders", agent: "one", orders: [settle("first")] });
    await world.clock.advance(5_000);
    const numbers = agent.heard.map(({ number }) => number);
    expect(numbers.filter((number) => number === 2).length).toBeGreaterThan(2);
    agent.heartbeat();
    await world.clock.advance(5_000);
    expect(agent.heard).toHaveLength(numbers.length);
  });

  it("are not confirmed by what the agent has handled of an earlier leader's", async () => {
    const world = await FleetWorld.start();
    const agent = new HandDrivenAgent(world, "one");
    agent.hello();
    await world.settle();
    agent.transport.disconnect();
    world.fleet.tell({ kind: "orders", agent: "one", orders: [settle("arrives")] });
    await world.settle();
    agent.transport.reconnect();
    const seen = agent.ordersSeen;
    agent.epoch = 6;
    agent.ordersSeen = 9;
    agent.heartbeat();
    agent.epoch = undefined;
    agent.ordersSeen = seen;
    await world.clock.advance(3_000);
    expect(leases(agent.orders)).toEqual(["arrives"]);
  });

  it("are not confirmed by a late word of the agent's predecessor", async () => {
    const world = await FleetWorld.start();
    const first = new HandDrivenAgent(world, "one", "disk.1");
    first.hello();
    await world.settle();
    world.fleet.tell({ kind: "orders", agent: "one", orders: [settle("to the first")] });
    await world.settle();
    const second = new HandDrivenAgent(world, "one", "disk.2");
    second.hello();
    await world.settle();
    second.transport.disconnect();
    world.fleet.tell({ kind: "orders", agent: "one", orders: [settle("to the second")] });
    await world.settle();
    first.heartbeat();
    await world.settle();
    second.transport.reconnect();
    await world.clock.advance(3_000);
    expect(leases(second.orders)).toEqual(["to the second"]);
  });

  it("that fit no message are left out, and what is ordered after them arrives", async () => {
    const world = await FleetWorld.start({
      codec: codecThatFails("too large", () => new MillraceError("badInput", "too large")),
    });
    const agent = new HandDrivenAgent(world, "one");
    agent.hello();
    await world.settle();
    for (const lease of ["too large", "arrives"]) {
      world.fleet.tell({ kind: "orders", agent: "one", orders: [settle(lease)] });
      await world.settle();
    }
    expect(leases(agent.orders)).toEqual(["arrives"]);
    expect(agent.ordersSeen).toBe(3);
    expect(world.log).toMatchObject([{ level: "error" }]);
  });

  it("arrive when they could not be encoded at first for another reason", async () => {
    let failures = 0;
    const defect = (): Error | undefined => (failures++ === 0 ? new TypeError("a defect") : undefined);
    const world = await FleetWorld.start({ codec: codecThatFails("unlucky", defect) });
    const agent = new HandDrivenAgent(world, "one");
    agent.hello();
    await world.settle();
    world.fleet.tell({ kind: "orders", agent: "one", orders: [settle("unlucky")] });
    await world.clock.advance(1_000);
    agent.hello();
    await world.clock.advance(3_000);
    expect(world.coordinatorNode.system.counters.restarts).toBe(1);
    expect(leases(agent.orders)).toEqual(["unlucky"]);
  });

  it("arrive in spite of a restart of the fleet actor, and of a hello that was sent before they were", async () => {
    let isBroken = false;
    const jobName = (): undefined => {
      if (isBroken) throw new Error("broken for this test");
    };
    const world = await FleetWorld.start({ jobName });
    world.going.add("r");
    const agent = new HandDrivenAgent(world, "one");
    agent.held = [attemptOf("r")];
    agent.hello();
    await world.settle();
    world.fleet.tell({ kind: "orders", agent: "one", orders: [settle("first")] });
    await world.settle();
    isBroken = true;
    const request = { offset: 0, limit: 1 };
    const replyTo = world.coordinatorNode.system.refTo<never>("nobody", "/none");
    world.fleet.tell({ kind: "command", command: { verb: "agents", request }, replyTo });
    await world.clock.advance(1_000);
    isBroken = false;
    expect(world.coordinatorNode.system.counters.restarts).toBe(1);
    const seen = agent.ordersSeen;
    agent.ordersSeen = 1;
    agent.hello();
    agent.ordersSeen = seen;
    await world.settle();
    world.fleet.tell({ kind: "orders", agent: "one", orders: [settle("second")] });
    await world.clock.advance(3_000);
    expect(leases(agent.orders)).toEqual(["first", "second"]);
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

describe("two agents of one name", () => {
  const taken = (world: FleetWorld) => world.events.filter(({ type }) => type === "agent.nameTaken");

  it("leave it to the one that has it; the other is told who that is", async () => {
    const world = await FleetWorld.start();
    const first = new HandDrivenAgent(world, "one", "first");
    const second = new HandDrivenAgent(world, "one", "second");
    first.hello();
    await pass(world, 2_000, first);
    second.hello();
    await pass(world, 30_000, first, second);
    expect(taken(world)).toMatchObject([{ agent: "one", incarnation: "second" }]);
    expect(world.log).toMatchObject([{ level: "error" }]);
    const [refusal] = second.heard.filter(({ refused }) => refused !== undefined);
    expect(refusal).toMatchObject({ incarnation: "second", number: 0 });
    expect(refusal?.refused).toContain("host of first");
    expect(kinds(world.toScheduler)).not.toContain("agentGone");
  });

  it("cost a few messages a second at most, also when both answer whenever they are asked", async () => {
    const world = await FleetWorld.start();
    const first = new HandDrivenAgent(world, "one", "first");
    const second = new HandDrivenAgent(world, "one", "second");
    for (const agent of [first, second]) {
      agent.transport.subscribe(fleetSubjects.toAgent("one"), (payload) => {
        if ((codec.decode(payload) as { number: number }).number === 0) agent.hello();
      });
    }
    first.hello();
    await world.settle();
    second.hello();
    await pass(world, 30_000, first, second);
    expect(first.heard.length).toBeLessThan(150);
    expect(taken(world).length).toBeGreaterThan(0);
    expect(taken(world).length).toBeLessThanOrEqual(16);
    expect(kinds(world.toScheduler)).not.toContain("agentGone");
  });

  it("are one agent when the first is gone: its successor takes over at once", async () => {
    const world = await FleetWorld.start();
    const first = new HandDrivenAgent(world, "one", "first");
    first.hello();
    await pass(world, 2_000, first);
    const told = world.open("r", "one");
    first.transport.disconnect();
    const second = new HandDrivenAgent(world, "one", "second");
    second.hello();
    await world.clock.advance(2_000);
    expect(told.at(-1)).toMatchObject({ kind: "agentResynced", incarnation: "second" });
    expect(second.ordersSeen).toBe(1);
  });
});

describe("a bad message", () => {
  it("reaches nobody, is counted by its reason and shown to operators", async () => {
    const world = await FleetWorld.start();
    const agent = new HandDrivenAgent(world, "one", "first");
    agent.hello();
    const told = world.open("r", "one");
    await world.settle();
    const item = { run: "r", job: 0, attempt: 1, lease: "lease-r", kind: "started" };
    const sender = { v: 1, agent: "one", incarnation: "first", epoch: 7, ordersSeen: 0 };
    const send = (token: string, message: unknown): void =>
      agent.transport.publish(fleetSubjects.fromAgent(token, "report"), codec.encode(message));
    send("two", { ...sender, items: [item] });
    send("one", { ...sender, items: [item], incarnation: "second" });
    send("one", { ...sender, items: [{ ...item, job: -1 }] });
    send("one", { ...sender, items: [item], v: 9 });
    agent.transport.publish(fleetSubjects.fromAgent("one", "report"), Uint8Array.of(0xc1));
    await world.settle();
    expect(kinds(told)).toEqual(["agentResynced"]);
    expect(new Map(world.coordinatorNode.system.deadLetterCounts())).toEqual(
      new Map([
        ["identity", 1],
        ["incarnation", 1],
        ["malformed", 2],
        ["version", 1],
      ]),
    );
    send("one", { ...sender, items: [item] });
    await world.settle();
    expect(kinds(told)).toEqual(["agentResynced", "reported"]);
  });

  it("from an agent that is not registered is no bad one: it is counted, and the agent asked for a hello", async () => {
    const world = await FleetWorld.start();
    const agent = new HandDrivenAgent(world, "one");
    agent.heartbeat();
    await world.settle();
    expect(agent.wasAsked).toBe(true);
    expect(world.coordinatorNode.system.deadLetterCounts()).toEqual([]);
  });

  it("may come in floods: each is counted, few are told, none waits in the mailbox", async () => {
    const world = await FleetWorld.start();
    const letters: unknown[] = [];
    world.network.connect("operator").subscribe("test.dead", (letter) => letters.push(letter));
    const flooder = world.network.connect("flooder");
    const subject = fleetSubjects.fromAgent("one", "report");
    for (let count = 0; count < 2_000; count++) flooder.publish(subject, Uint8Array.of(0xc1));
    await world.settle();
    expect(world.coordinatorNode.system.deadLetterCounts()).toEqual([["malformed", 2_000]]);
    expect(letters.length).toBeLessThanOrEqual(20);
    expect(world.log).toEqual([]);
  });
});
