import { describe, expect, it } from "vitest";
import type { Codec } from "../../../shared/actor/contract.ts";
import { MessageCodec } from "../../../shared/actor/message-codec.ts";
import { MillraceError } from "../../../shared/model/error.ts";
import type { Order } from "../../../shared/model/messages.ts";
import { attemptOf, FleetWorld, HandDrivenAgent } from "../../support/fleet-world.ts";

const codec = new MessageCodec();

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
    const world = await FleetWorld.start();
    world.going.add("r");
    const agent = new HandDrivenAgent(world, "one");
    agent.held = [attemptOf("r")];
    agent.hello();
    await world.settle();
    world.fleet.tell({ kind: "orders", agent: "one", orders: [settle("first")] });
    await world.settle();
    await world.failFleet();
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
