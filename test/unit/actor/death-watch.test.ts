import { describe, expect, it } from "vitest";
import type { ActorRef, Context, Terminated } from "../../../shared/actor/contract.ts";
import { ActorWorld, gate, type Node, onMessage, recorder } from "../../support/actor-world.ts";

/** An actor that writes down each Terminated it gets, and gives its context to the test. */
async function watcher(world: ActorWorld, node: Node, name = "watcher") {
  const seen: Terminated[] = [];
  let context!: Context<Terminated>;
  const ref = node.system.spawn<Terminated>(name, () => ({
    started: (given) => {
      context = given;
    },
    receive: (terminated) => {
      seen.push(terminated);
    },
  }));
  await world.settle();
  const watch = (target: ActorRef<never>): void => context.watch(target, (terminated) => terminated);
  return { ref, seen, watch, unwatch: (target: ActorRef<never>): void => context.unwatch(target) };
}

const idle = onMessage<string>(() => undefined);
const failing = onMessage<string>(() => {
  throw new Error("broken");
});

describe("death watch on one node", () => {
  it("tells each watcher once, with the cause", async () => {
    const world = new ActorWorld();
    const node = world.node("n");
    const first = await watcher(world, node, "w1");
    const second = await watcher(world, node, "w2");
    const stopping = node.system.spawn("stopping", idle);
    const broken = node.system.spawn("broken", failing, { supervision: { decide: () => "stop" } });
    for (const { watch } of [first, second]) for (const ref of [stopping, broken]) watch(ref);
    node.system.stopActor(stopping);
    broken.tell("x");
    await world.clock.advance(1000);
    const expected = [
      { node: "n", path: "/stopping", cause: "stopped" },
      { node: "n", path: "/broken", cause: "failed" },
    ];
    expect(first.seen).toEqual(expected);
    expect(second.seen).toEqual(expected);
  });

  it("says notFound of what is not there, by ref or by address", async () => {
    const world = new ActorWorld();
    const node = world.node("n");
    const { seen, watch } = await watcher(world, node);
    const gone = node.system.spawn("gone", idle);
    node.system.stopActor(gone);
    await world.settle();
    watch(gone);
    watch(node.system.refTo("n", "/never/was"));
    await world.settle();
    expect(seen).toEqual([
      { node: "n", path: "/gone", cause: "notFound" },
      { node: "n", path: "/never/was", cause: "notFound" },
    ]);
  });

  it("comes after what the actor said before its end", async () => {
    const world = new ActorWorld();
    const { system } = world.node("n");
    const seen: string[] = [];
    const watching = system.spawn<string>("watcher", () => ({
      started: (context) => {
        const child = context.spawn<string>("child", () => ({
          receive: (_message, own) => {
            for (const word of ["one", "two", "three"]) watching.tell(word);
            own.stop();
          },
          stopped: () => watching.tell("last words"),
        }));
        context.watch(child, ({ cause }) => cause);
        child.tell("go");
      },
      receive: (message) => {
        seen.push(message);
      },
    }));
    await world.settle();
    expect(seen).toEqual(["one", "two", "three", "last words", "stopped"]);
  });

  it("counts two watches of one actor as one", async () => {
    const world = new ActorWorld();
    const node = world.node("n");
    const { seen, watch } = await watcher(world, node);
    const target = node.system.spawn("t", idle);
    watch(target);
    watch(node.system.refTo("n", "/t"));
    node.system.stopActor(target);
    await world.settle();
    expect(seen).toHaveLength(1);
  });

  it("says nothing once unwatched, even when the end waits in the mailbox", async () => {
    const world = new ActorWorld();
    const { system } = world.node("n");
    const target = system.spawn("t", idle);
    const wait = gate();
    const seen: string[] = [];
    const ref = system.spawn<string>("watcher", () => ({
      started: (context) => context.watch(target, () => "terminated"),
      receive: async (message, context) => {
        seen.push(message);
        await wait.opened;
        context.unwatch(target);
      },
    }));
    ref.tell("slow");
    await world.settle();
    system.stopActor(target);
    await world.settle();
    expect(system.tree()[0]).toMatchObject({ path: "/watcher", mailbox: 1 });
    wait.open();
    await world.settle();
    expect(seen).toEqual(["slow"]);
  });

  it("does not end by a restart of the watched actor", async () => {
    const world = new ActorWorld();
    const node = world.node("n");
    const { seen, watch } = await watcher(world, node);
    const target = node.system.spawn("t", failing);
    watch(target);
    target.tell("x");
    await world.settle();
    expect(seen).toEqual([]);
    node.system.stopActor(target);
    await world.settle();
    expect(seen).toHaveLength(1);
  });

  it("passes a full mailbox", async () => {
    const world = new ActorWorld();
    const { system } = world.node("n");
    const wait = gate();
    const target = system.spawn("t", idle);
    const seen: string[] = [];
    const ref = system.spawn<string>(
      "watcher",
      () => ({
        started: (context) => context.watch(target, () => "terminated"),
        receive: async (message) => {
          seen.push(message);
          await wait.opened;
        },
      }),
      { mailbox: { capacity: 1 } },
    );
    ref.tell("slow");
    await world.settle();
    ref.tell("fills");
    system.stopActor(target);
    await world.settle();
    wait.open();
    await world.settle();
    expect(seen).toEqual(["slow", "fills", "terminated"]);
  });
});

describe("death watch between nodes", () => {
  const options = { serialiseLocal: true, pingMs: 1000, nodeTimeoutMs: 5000 };

  async function twoNodes() {
    const world = new ActorWorld(3, { minDelayMs: 1, maxDelayMs: 5 });
    const one = world.node("one", options);
    const two = world.node("two", options);
    const watching = await watcher(world, one);
    const target = two.system.spawn("t", idle);
    const remote = one.system.refTo<never>("two", "/t");
    return { world, one, two, target, remote, ...watching };
  }

  it("tells of an end, a failure, and of what is not there", async () => {
    const { world, one, two, target, remote, watch, seen } = await twoNodes();
    const broken = two.system.spawn("broken", failing, { supervision: { decide: () => "stop" } });
    watch(remote);
    watch(one.system.refTo("two", "/broken"));
    watch(one.system.refTo("two", "/none"));
    await world.clock.advance(100);
    expect(seen).toEqual([{ node: "two", path: "/none", cause: "notFound" }]);
    two.system.stopActor(target);
    await world.clock.advance(100);
    broken.tell("x");
    await world.clock.advance(100);
    expect(seen.slice(1)).toEqual([
      { node: "two", path: "/t", cause: "stopped" },
      { node: "two", path: "/broken", cause: "failed" },
    ]);
    await world.clock.advance(60_000);
    expect(seen).toHaveLength(3);
    expect(world.clock.pending).toBe(0);
  });

  it("tells of an end that happened while messages were lost", async () => {
    const { world, two, target, remote, watch, seen } = await twoNodes();
    watch(remote);
    await world.clock.advance(100);
    world.network.faults = { lose: 1 };
    two.system.stopActor(target);
    await world.clock.advance(3000);
    expect(seen).toEqual([]);
    world.network.faults = {};
    await world.clock.advance(1500);
    expect(seen).toEqual([{ node: "two", path: "/t", cause: "stopped" }]);
  });

  it("says nodeLost of a silent node, once, also when it comes back", async () => {
    const { world, two, remote, watch, seen } = await twoNodes();
    watch(remote);
    await world.clock.advance(100);
    two.transport.disconnect();
    await world.clock.advance(4000);
    expect(seen).toEqual([]);
    await world.clock.advance(3000);
    expect(seen).toEqual([{ node: "two", path: "/t", cause: "nodeLost" }]);
    two.transport.reconnect();
    await world.clock.advance(20_000);
    expect(seen).toHaveLength(1);
  });

  it("says nodeLost of a node that never was", async () => {
    const { world, one, watch, seen } = await twoNodes();
    watch(one.system.refTo("nowhere", "/t"));
    await world.clock.advance(7000);
    expect(seen).toEqual([{ node: "nowhere", path: "/t", cause: "nodeLost" }]);
  });

  it("calls no node lost while the watching node itself is cut off", async () => {
    const { world, one, two, target, remote, watch, seen } = await twoNodes();
    watch(remote);
    await world.clock.advance(100);
    one.transport.disconnect();
    await world.clock.advance(60_000);
    expect(seen).toEqual([]);
    one.transport.reconnect();
    await world.clock.advance(2000);
    expect(seen).toEqual([]);
    two.system.stopActor(target);
    await world.clock.advance(2000);
    expect(seen).toEqual([{ node: "two", path: "/t", cause: "stopped" }]);
  });

  it("says nodeLost when the node starts again under its name, though the path lives again", async () => {
    const { world, two, remote, watch, seen } = await twoNodes();
    watch(remote);
    await world.clock.advance(100);
    await two.transport.close();
    const again = world.node("two", options);
    const target = again.system.spawn("t", idle);
    await world.clock.advance(1500);
    expect(seen).toEqual([{ node: "two", path: "/t", cause: "nodeLost" }]);
    watch(remote);
    await world.clock.advance(1500);
    expect(seen).toHaveLength(1);
    again.system.stopActor(target);
    await world.clock.advance(1500);
    expect(seen[1]).toEqual({ node: "two", path: "/t", cause: "stopped" });
  });

  it("says stopped, not nodeLost, when the node shuts down in order", async () => {
    const { world, two, remote, watch, seen } = await twoNodes();
    watch(remote);
    await world.clock.advance(100);
    void two.system.stop({ timeoutMs: 1000 });
    await world.clock.advance(100);
    expect(seen).toEqual([{ node: "two", path: "/t", cause: "stopped" }]);
  });

  it("says nothing once unwatched, and costs no more pings", async () => {
    const { world, two, target, remote, watch, unwatch, seen } = await twoNodes();
    watch(remote);
    await world.clock.advance(2000);
    unwatch(remote);
    await world.clock.advance(100);
    expect(world.clock.pending).toBe(0);
    two.system.stopActor(target);
    await world.clock.advance(10_000);
    expect(seen).toEqual([]);
  });

  it("sends nothing while nothing remote is watched", async () => {
    const { world } = await twoNodes();
    const trace: unknown[] = [];
    world.network.trace((event) => trace.push(event));
    await world.clock.advance(60_000);
    expect(trace).toEqual([]);
  });
});

describe("messages between nodes", () => {
  it("arrive in order, and carry refs that can be answered", async () => {
    const world = new ActorWorld(5, { minDelayMs: 1, maxDelayMs: 9 });
    const one = world.node("one");
    const two = world.node("two");
    const seen: unknown[] = [];
    const home = one.system.spawn<number>("home", recorder(seen));
    two.system.spawn<{ number: number; from: ActorRef<number> }>(
      "echo",
      onMessage(({ number, from }) => from.tell(number)),
    );
    const echo = one.system.refTo<{ number: number; from: ActorRef<number> }>("two", "/echo");
    const numbers = Array.from({ length: 100 }, (_, index) => index);
    for (const number of numbers) echo.tell({ number, from: home });
    await world.clock.advance(100);
    expect(seen).toEqual(numbers);
    expect(one.system.counters).toMatchObject({ remoteSent: 100, remoteReceived: 100 });
  });
});
