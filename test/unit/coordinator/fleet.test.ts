import { describe, expect, it } from "vitest";
import type { Reply } from "../../../coordinator/actors/messages.ts";
import type { ActorRef } from "../../../shared/actor/contract.ts";
import { MessageCodec } from "../../../shared/actor/message-codec.ts";
import type { ApiCommand, ApiResult } from "../../../shared/model/api.ts";
import type { Order } from "../../../shared/model/messages.ts";
import { recorder } from "../../support/actor-world.ts";
import { FleetWorld, fleetSubjects, HandDrivenAgent } from "../../support/fleet-world.ts";

const codec = new MessageCodec();
const kinds = (messages: readonly { readonly kind: string }[]) => messages.map(({ kind }) => kind);

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
    await world.pass(5_000, agent);
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
    await world.pass(3_000, agent);
    world.network.faults = { lose: 1 };
    await world.pass(60_000, agent);
    world.network.faults = {};
    await world.pass(5_000, agent);
    expect(states(world)).toEqual(["joined"]);
  });
});

describe("the listing of agents", () => {
  it("is told by the page, with how many there are and when each was heard", async () => {
    const world = await FleetWorld.start();
    const names = ["one", "three", "two"];
    const agents = names.map((name) => new HandDrivenAgent(world, name));
    for (const agent of agents) agent.hello();
    await world.pass(5_000, ...agents);
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

describe("two agents of one name", () => {
  const taken = (world: FleetWorld) => world.events.filter(({ type }) => type === "agent.nameTaken");

  it("leave it to the one that has it; the other is told who that is", async () => {
    const world = await FleetWorld.start();
    const first = new HandDrivenAgent(world, "one", "first");
    const second = new HandDrivenAgent(world, "one", "second");
    first.hello();
    await world.pass(2_000, first);
    second.hello();
    await world.pass(30_000, first, second);
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
    await world.pass(30_000, first, second);
    expect(first.heard.length).toBeLessThan(150);
    expect(taken(world).length).toBeGreaterThan(0);
    expect(taken(world).length).toBeLessThanOrEqual(16);
    expect(kinds(world.toScheduler)).not.toContain("agentGone");
  });

  it("are one agent when the first is gone: its successor takes over at once", async () => {
    const world = await FleetWorld.start();
    const first = new HandDrivenAgent(world, "one", "first");
    first.hello();
    await world.pass(2_000, first);
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
