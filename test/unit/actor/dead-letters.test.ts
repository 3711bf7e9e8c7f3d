import { describe, expect, it } from "vitest";
import { MessageCodec } from "../../../shared/actor/message-codec.ts";
import { ActorWorld, gate, onMessage, recorder } from "../../support/actor-world.ts";

const codec = new MessageCodec();

function published(world: ActorWorld): Record<string, unknown>[] {
  const letters: Record<string, unknown>[] = [];
  world.network
    .connect("operator")
    .subscribe("test.dead", (payload) => letters.push(JSON.parse(Buffer.from(payload).toString())));
  return letters;
}

describe("dead letters", () => {
  it("are published with their reason, target and payload", async () => {
    const world = new ActorWorld();
    const letters = published(world);
    const { system } = world.node("n");
    system.refTo<object>("n", "/none/here").tell({ kind: "hello" });
    await world.settle();
    expect(letters).toEqual([
      {
        v: 1,
        reason: "noSuchActor",
        node: "n",
        target: "/none/here",
        at: new Date(world.clock.now()).toISOString(),
        suppressed: 0,
        bytes: 16,
        text: '{"kind":"hello"}',
      },
    ]);
  });

  it("are reported where the message was lost, also for one from another node", async () => {
    const world = new ActorWorld();
    const one = world.node("one");
    const two = world.node("two");
    one.system.refTo<string>("two", "/none").tell("lost");
    await world.settle();
    expect(one.deadLetters).toEqual([]);
    expect(two.deadLetters).toMatchObject([{ reason: "noSuchActor", node: "two", payload: "lost" }]);
  });

  it("tell what a full mailbox refused or evicted", async () => {
    const world = new ActorWorld();
    const node = world.node("n");
    for (const overflow of ["dropNewest", "dropOldest"] as const) {
      const ref = node.system.spawn<number>(
        overflow,
        onMessage(() => undefined),
        { mailbox: { capacity: 2, overflow } },
      );
      for (let number = 1; number <= 4; number++) ref.tell(number);
    }
    await world.settle();
    expect(node.deadLetters.map(({ reason, target, payload }) => [reason, target, payload])).toEqual([
      ["mailboxFull", "/dropNewest", 3],
      ["mailboxFull", "/dropNewest", 4],
      ["evicted", "/dropOldest", 1],
      ["evicted", "/dropOldest", 2],
    ]);
  });

  it("come with a failure of the actor where a full mailbox is one", async () => {
    const world = new ActorWorld();
    const node = world.node("n");
    const failures: unknown[] = [];
    const ref = node.system.spawn<number>(
      "a",
      onMessage(() => gate().opened),
      {
        mailbox: { capacity: 1, overflow: "fail" },
        supervision: { decide: () => "stop" },
        onFailure: (error) => failures.push(error),
      },
    );
    ref.tell(1);
    ref.tell(2);
    await world.settle();
    expect(failures).toMatchObject([{ code: "overflow" }]);
    expect(node.deadLetters.map(({ reason }) => reason)).toEqual(["mailboxFull", "terminated"]);
  });

  it("are counted all, but published so many a second, with the number held back", async () => {
    const world = new ActorWorld();
    const letters = published(world);
    const node = world.node("n", { deadLettersPerSecond: 10 });
    const nobody = node.system.refTo<number>("n", "/nobody");
    for (let number = 0; number < 1000; number++) nobody.tell(number);
    await world.settle();
    expect(letters).toHaveLength(10);
    expect(node.deadLetters).toHaveLength(1000);
    expect(node.system.counters.deadLetters).toBe(1000);
    await world.clock.advance(1000);
    nobody.tell(0);
    await world.settle();
    expect(letters.at(-1)).toMatchObject({ suppressed: 990 });
  });

  it("show the start of a large payload, bytes in base64, and do without what is no JSON", async () => {
    const world = new ActorWorld();
    const letters = published(world);
    const { system } = world.node("n", {});
    const nobody = system.refTo<unknown>("n", "/nobody");
    nobody.tell("x".repeat(10_000));
    nobody.tell(1n);
    system.deadLetter("malformed", "some.subject", Uint8Array.of(0xc1, 0xff));
    system.deadLetter("malformed", "some.subject", undefined);
    await world.settle();
    expect(letters[0]).toMatchObject({ bytes: 10_002, text: `"${"x".repeat(1023)}` });
    expect(letters[1]).toHaveProperty("unshown");
    expect(letters[2]).toMatchObject({ target: "some.subject", bytes: 2, base64: "wf8=" });
    expect(letters[3]).toMatchObject({ bytes: 0, text: "" });
    expect(system.deadLetterCounts()).toEqual([
      ["noSuchActor", 2],
      ["malformed", 2],
    ]);
  });

  it("hold what came undecodable from outside, and nothing breaks", async () => {
    const world = new ActorWorld();
    const node = world.node("n");
    node.system.spawn(
      "a",
      onMessage(() => undefined),
    );
    const stranger = world.network.connect("stranger");
    stranger.publish("test.actor.n.a", Uint8Array.of(0xc1));
    stranger.publish("test.actor.n.$node", codec.encode({ kind: "watchList", from: "x" }));
    stranger.publish("test.actor.n.$other", codec.encode(1));
    await world.settle();
    expect(node.deadLetters.map(({ reason, target }) => [reason, target])).toEqual([
      ["undecodable", "/a"],
      ["undecodable", "/$node"],
      ["undecodable", "/$other"],
    ]);
  });

  it("are all messages of other nodes where a node takes none", async () => {
    const world = new ActorWorld();
    const node = world.node("n", { takesRemote: false });
    const seen: unknown[] = [];
    const ref = node.system.spawn("a", recorder(seen));
    world.network.connect("stranger").publish("test.actor.n.a", codec.encode("from afar"));
    world.network.connect("stranger").publish("test.actor.n.$node", codec.encode(1));
    ref.tell("from here");
    await world.settle();
    expect(seen).toEqual(["from here"]);
    expect(node.system.deadLetterCounts()).toEqual([["remote", 2]]);
  });

  it("can be reported by an actor", async () => {
    const world = new ActorWorld();
    const node = world.node("n");
    node.system
      .spawn<string>(
        "a",
        onMessage((message, context) => context.deadLetter("oldEpoch", "some.subject", message)),
      )
      .tell("x");
    await world.settle();
    expect(node.deadLetters).toEqual([
      { reason: "oldEpoch", node: "n", target: "some.subject", payload: "x" },
    ]);
  });
});
