import { describe, expect, it } from "vitest";
import type { ActorRef } from "../../../shared/actor/contract.ts";
import { ActorWorld, gate, onMessage } from "../../support/actor-world.ts";

interface Question {
  readonly number: number;
  readonly replyTo: ActorRef<number>;
}

const doubler = onMessage<Question>(({ number, replyTo }) => replyTo.tell(number * 2));
const silent = onMessage<Question>(() => undefined);
const ask = (number: number) => (replyTo: ActorRef<number>) => ({ number, replyTo });

/** What became of a promise, once time has passed. */
async function outcome(world: ActorWorld, promise: Promise<unknown>, withinMs = 0): Promise<unknown> {
  const settled = promise.then(
    (value) => value,
    (error: unknown) => (error as { code?: string }).code ?? error,
  );
  await world.clock.advance(withinMs);
  return settled;
}

describe.each([{ serialiseLocal: true }, { serialiseLocal: false }])("ask with %o", (options) => {
  it("resolves with the reply", async () => {
    const world = new ActorWorld();
    const { system } = world.node("n", options);
    const ref = system.spawn("doubler", doubler);
    const replies = [1, 2, 3].map((number) => system.ask(ref, ask(number), 1000));
    expect(await outcome(world, Promise.all(replies))).toEqual([2, 4, 6]);
    expect(world.clock.pending).toBe(0);
  });

  it("fails by its deadline, and a late reply is a dead letter", async () => {
    const world = new ActorWorld();
    const node = world.node("n", options);
    const wait = gate();
    const ref = node.system.spawn(
      "late",
      onMessage<Question>(async ({ replyTo }) => {
        await wait.opened;
        replyTo.tell(1);
      }),
    );
    expect(await outcome(world, node.system.ask(ref, ask(1), 1000), 1000)).toBe("timeout");
    wait.open();
    await world.settle();
    expect(node.deadLetters).toMatchObject([{ reason: "lateReply", payload: 1 }]);
  });

  it("fails at once when the actor has ended, or never was", async () => {
    const world = new ActorWorld();
    const { system } = world.node("n", options);
    const ref = system.spawn("silent", silent);
    await world.settle();
    system.stopActor(ref);
    await world.settle();
    expect(await outcome(world, system.ask(ref, ask(1), 1000))).toBe("terminated");
    expect(await outcome(world, system.ask(system.refTo("n", "/none"), ask(1), 1000))).toBe("terminated");
  });

  it("fails when the actor ends without a reply", async () => {
    const world = new ActorWorld();
    const { system } = world.node("n", options);
    const ref = system.spawn("silent", silent);
    const reply = system.ask(ref, ask(1), 1000);
    await world.settle();
    system.stopActor(ref);
    expect(await outcome(world, reply)).toBe("terminated");
  });

  it("fails when the mailbox is full", async () => {
    const world = new ActorWorld();
    const { system } = world.node("n", options);
    const ref = system.spawn("silent", silent, { mailbox: { capacity: 1 } });
    const first = system.ask(ref, ask(1), 1000);
    expect(await outcome(world, system.ask(ref, ask(2), 1000))).toBe("mailboxFull");
    expect(await outcome(world, first, 1000)).toBe("timeout");
  });

  it("works between actors, through context.ask", async () => {
    const world = new ActorWorld();
    const { system } = world.node("n", options);
    const ref = system.spawn("doubler", doubler);
    const seen: number[] = [];
    const asker = system.spawn<number>(
      "asker",
      onMessage(async (number, context) => {
        seen.push(await context.ask(ref, ask(number), 1000));
      }),
    );
    asker.tell(4);
    asker.tell(5);
    await world.settle();
    expect(seen).toEqual([8, 10]);
  });

  it("fails with what the making of the question throws", async () => {
    const world = new ActorWorld();
    const { system } = world.node("n", options);
    const ref = system.spawn("doubler", doubler);
    const broken = (): Question => {
      throw new Error("no question");
    };
    expect(await outcome(world, system.ask(ref, broken, 1000))).toEqual(new Error("no question"));
    expect(world.clock.pending).toBe(0);
  });
});

describe("ask between nodes", () => {
  it("resolves with the reply, and leaves no watch behind", async () => {
    const world = new ActorWorld();
    const one = world.node("one");
    const two = world.node("two");
    two.system.spawn("doubler", doubler);
    const ref = one.system.refTo<Question>("two", "/doubler");
    expect(await outcome(world, one.system.ask(ref, ask(21), 1000), 10)).toBe(42);
    await world.clock.advance(60_000);
    expect(world.clock.pending).toBe(0);
  });

  it("fails when there is no such actor, when it ends, and when its node is lost", async () => {
    const world = new ActorWorld();
    const one = world.node("one");
    const two = world.node("two");
    const ask1 = (path: string) => one.system.ask(one.system.refTo<Question>("two", path), ask(1), 60_000);
    expect(await outcome(world, ask1("/none"), 10)).toBe("terminated");
    const silentRef = two.system.spawn("silent", silent);
    const ended = ask1("/silent");
    await world.clock.advance(10);
    two.system.stopActor(silentRef);
    expect(await outcome(world, ended, 10)).toBe("terminated");
    two.system.spawn("other", silent);
    const lost = ask1("/other");
    await world.clock.advance(10);
    two.transport.disconnect();
    expect(await outcome(world, lost, 15_000)).toBe("nodeLost");
  });
});
