import { expect, test } from "vitest";
import type { Reply } from "../../../coordinator/actors/messages.ts";
import type { AgentMode } from "../../../shared/model/messages.ts";
import { recorder } from "../../support/actor-world.ts";
import { FleetWorld, HandDrivenAgent } from "../../support/fleet-world.ts";

let asked = 0;

/** The replies to a command, as they come. */
function setMode(world: FleetWorld, agent: string, mode: AgentMode = "draining"): Reply[] {
  const replies: Reply[] = [];
  const replyTo = world.coordinatorNode.system.spawn<Reply>(`asker-${asked++}`, recorder(replies));
  world.fleet.tell({ kind: "command", command: { verb: "mode", request: { agent, mode } }, replyTo });
  return replies;
}

async function started(): Promise<{ world: FleetWorld; agent: HandDrivenAgent }> {
  const world = await FleetWorld.start();
  const agent = new HandDrivenAgent(world, "one");
  agent.hello();
  await world.settle();
  return { world, agent };
}

test("counts at once for what is placed, and is said to be taken once the agent says so", async () => {
  const { world, agent } = await started();
  const replies = setMode(world, "one");
  await world.settle();
  expect(world.toScheduler.at(-1)).toMatchObject({ kind: "offer", offer: { mode: "draining" } });
  expect(agent.orders).toEqual([{ kind: "mode", mode: "draining" }]);
  expect(replies).toEqual([]);
  agent.mode = "draining";
  agent.heartbeat();
  await world.settle();
  expect(replies).toEqual([{ ok: true, result: { agent: "one", mode: "draining" } }]);
  agent.heartbeat();
  await world.settle();
  expect(replies).toHaveLength(1);
});

test("counts at once also when nothing more may be started", async () => {
  const { world } = await started();
  setMode(world, "one", "held");
  await world.settle();
  expect(world.toScheduler.at(-1)).toMatchObject({ kind: "offer", offer: { mode: "held" } });
});

test("may be confirmed by a hello, too", async () => {
  const { world, agent } = await started();
  const replies = setMode(world, "one");
  await world.settle();
  agent.mode = "draining";
  agent.hello();
  await world.settle();
  expect(replies).toMatchObject([{ ok: true }]);
});

test("is not confirmed by a message from before the order, whatever mode that tells", async () => {
  const { world, agent } = await started();
  agent.ordersSeen = 1;
  const replies = setMode(world, "one");
  await world.settle();
  const { ordersSeen } = agent;
  agent.mode = "draining";
  agent.ordersSeen = ordersSeen - 1;
  agent.heartbeat();
  await world.settle();
  expect(replies).toEqual([]);
  agent.ordersSeen = ordersSeen;
  agent.epoch = 3;
  agent.heartbeat();
  await world.settle();
  expect(replies).toEqual([]);
});

test("is taken by an agent in trouble, which tells another for as long as that lasts", async () => {
  const { world, agent } = await started();
  const replies = setMode(world, "one", "active");
  await world.settle();
  agent.send("heartbeat", { mode: "held", trouble: "disk full", load1: 0, freeMemoryBytes: 0, held: [] });
  await world.settle();
  expect(replies).toMatchObject([{ ok: true, result: { mode: "active" } }]);
});

test("of two commands in a row, each is done when the agent has handled it", async () => {
  const { world, agent } = await started();
  const first = setMode(world, "one", "held");
  const second = setMode(world, "one", "active");
  await world.settle();
  agent.heartbeat();
  await world.settle();
  expect(first).toMatchObject([{ ok: true, result: { mode: "held" } }]);
  expect(second).toMatchObject([{ ok: true, result: { mode: "active" } }]);
});

test.each([{ in: "order" }, { in: "trouble", trouble: "disk full" }])(
  "is not taken by an agent that is stopping in $in, which is given nothing",
  async ({ trouble }) => {
    const { world, agent } = await started();
    const present = { mode: "draining", trouble, load1: 0, freeMemoryBytes: 0, held: [] };
    agent.send("heartbeat", present);
    await world.settle();
    const replies = setMode(world, "one", "active");
    await world.settle();
    agent.send("heartbeat", present);
    await world.settle();
    expect(world.toScheduler.at(-1)).toMatchObject({ kind: "offer", offer: { mode: "draining" } });
    expect(replies).toMatchObject([
      { ok: false, code: "conflict", message: expect.stringMatching(/stopping/) },
    ]);
  },
);

test("is told not to be confirmed when the agent keeps silent", async () => {
  const { world } = await started();
  const replies = setMode(world, "one");
  await world.clock.advance(3_000);
  expect(replies).toEqual([]);
  await world.clock.advance(1_500);
  expect(replies).toMatchObject([
    { ok: false, code: "unavailable", message: expect.stringMatching(/has not confirmed/) },
  ]);
  await world.clock.advance(20_000);
  expect(replies).toHaveLength(1);
});

test("is not confirmed by an agent that leaves, nor by its successor", async () => {
  const { world, agent } = await started();
  const left = setMode(world, "one");
  await world.settle();
  agent.send("bye", { reason: "stopped" });
  await world.settle();
  expect(left).toMatchObject([{ ok: false, message: expect.stringMatching(/has left before/) }]);
  agent.transport.disconnect();
  const next = new HandDrivenAgent(world, "one", "records.2");
  next.hello();
  await world.settle();
  const followed = setMode(world, "one");
  await world.settle();
  const successor = new HandDrivenAgent(world, "one", "records.3");
  successor.ordersSeen = 0;
  successor.hello();
  await world.settle();
  successor.heartbeat();
  await world.settle();
  expect(followed).toMatchObject([{ ok: false, message: expect.stringMatching(/started again/) }]);
  // Who was told that it is not will hear nothing else.
  await world.clock.advance(30_000);
  expect([left, followed].map((replies) => replies.length)).toEqual([1, 1]);
});

test("can't be set of one that is not known, or not there", async () => {
  const world = await FleetWorld.start();
  const agent = new HandDrivenAgent(world, "one");
  agent.hello();
  await world.settle();
  const unknown = setMode(world, "two");
  await world.settle();
  expect(unknown).toMatchObject([{ ok: false, code: "notFound" }]);
  await world.clock.advance(20_000);
  const lost = setMode(world, "one");
  await world.settle();
  expect(lost).toMatchObject([
    { ok: false, code: "unavailable", message: expect.stringContaining('"one" is lost') },
  ]);
  expect(world.toScheduler.at(-1)).toMatchObject({ kind: "agentGone" });
});
