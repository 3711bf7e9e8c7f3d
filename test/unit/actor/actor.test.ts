import { describe, expect, it } from "vitest";
import type { Context } from "../../../shared/actor/contract.ts";
import { untilTick } from "../../../shared/actor/system-clock.ts";
import { ActorWorld, gate, onMessage, recorder } from "../../support/actor-world.ts";

describe("an actor", () => {
  it("handles messages in the order of their sending", async () => {
    const world = new ActorWorld();
    const { system } = world.node("n");
    const seen: unknown[] = [];
    const ref = system.spawn<number>("a", recorder(seen));
    for (let number = 0; number < 500; number++) ref.tell(number);
    await world.settle();
    expect(seen).toEqual(Array.from({ length: 500 }, (_, index) => index));
    expect(system.counters.processed).toBe(500);
  });

  it("never runs within tell", async () => {
    const world = new ActorWorld();
    const seen: unknown[] = [];
    const ref = world.node("n").system.spawn<number>("a", recorder(seen));
    ref.tell(1);
    expect(seen).toEqual([]);
    await world.settle();
    expect(seen).toEqual([1]);
  });

  it("takes the next message only when the promise of the last has ended", async () => {
    const world = new ActorWorld();
    const gates = [gate(), gate()];
    const seen: string[] = [];
    const ref = world.node("n").system.spawn<number>(
      "a",
      onMessage(async (number) => {
        seen.push(`begin ${number}`);
        await gates[number]!.opened;
        seen.push(`end ${number}`);
      }),
    );
    ref.tell(0);
    ref.tell(1);
    gates[1]!.open();
    await world.settle();
    expect(seen).toEqual(["begin 0"]);
    gates[0]!.open();
    await world.settle();
    expect(seen).toEqual(["begin 0", "end 0", "begin 1", "end 1"]);
  });

  it("keeps messages waiting while its start is not complete", async () => {
    const world = new ActorWorld();
    const ready = gate();
    const seen: unknown[] = [];
    const { system } = world.node("n");
    const ref = system.spawn<string>("a", () => ({
      started: async () => {
        await ready.opened;
        seen.push("started");
      },
      receive: (message) => {
        seen.push(message);
      },
    }));
    ref.tell("hello");
    await world.settle();
    expect(seen).toEqual([]);
    expect(system.tree()).toMatchObject([{ path: "/a", state: "starting", mailbox: 1 }]);
    ready.open();
    await world.settle();
    expect(seen).toEqual(["started", "hello"]);
  });

  it("does not see what the sender does to a message later, where messages are serialised", async () => {
    const world = new ActorWorld();
    const seen: unknown[] = [];
    const ref = world.node("n").system.spawn<{ list: number[] }>("a", recorder(seen));
    const message = { list: [1] };
    ref.tell(message);
    message.list.push(2);
    await world.settle();
    expect(seen).toEqual([{ list: [1] }]);
  });

  it("gets the message itself where messages are not serialised, without touching the transport", async () => {
    const world = new ActorWorld();
    const trace: unknown[] = [];
    world.network.trace((event) => trace.push(event));
    const seen: unknown[] = [];
    const ref = world.node("n", {}).system.spawn<object>("a", recorder(seen));
    const message = {};
    ref.tell(message);
    await world.settle();
    expect(seen[0]).toBe(message);
    expect(trace).toEqual([]);
  });

  it("refuses to send what cannot be serialised, at the sender", () => {
    const world = new ActorWorld();
    const ref = world.node("n").system.spawn<object>("a", recorder([]));
    expect(() => ref.tell({ callback: () => undefined })).toThrow(/function cannot be sent/);
  });

  it("can name its children once only while they live, and by one token", async () => {
    const world = new ActorWorld();
    let context!: Context<never>;
    const { system } = world.node("n");
    system.spawn<never>("p", () => ({
      started: (given) => {
        context = given;
      },
      receive: () => undefined,
    }));
    await world.settle();
    const child = context.spawn("c", recorder([]));
    expect(child.path).toBe("/p/c");
    expect(() => context.spawn("c", recorder([]))).toThrow(/living sibling/);
    for (const name of ["", "a.b", "a/b", "a b", "*", ">", "$x", "a\nb", "x".repeat(257)]) {
      expect(() => context.spawn(name, recorder([]))).toThrow(/cannot name an actor/);
    }
    for (const name of ["__proto__", "constructor", "größe", "a%2Eb~"]) context.spawn(name, recorder([]));
    context.stop(child);
    await world.settle();
    context.spawn("c", recorder([]));
    expect(system.tree()[0]?.childCount).toBe(5);
  });

  it("brings the end of a promise back as a message, and drops it once stopped", async () => {
    const world = new ActorWorld();
    const { system } = world.node("n");
    const seen: unknown[] = [];
    const waits = [gate(), gate(), gate()];
    const ref = system.spawn<string>("a", () => ({
      started: (context) => {
        for (const wait of waits) {
          context.pipe(
            wait.opened,
            () => "done",
            (error) => `failed: ${(error as Error).message}`,
          );
        }
      },
      receive: (message) => {
        seen.push(message);
      },
    }));
    await world.settle();
    waits[0]!.open();
    waits[1]!.fail(new Error("no"));
    await world.settle();
    expect(seen).toEqual(["done", "failed: no"]);
    system.stopActor(ref);
    await world.settle();
    waits[2]!.fail(new Error("late"));
    await world.settle();
    expect(seen).toHaveLength(2);
  });

  it("hears subjects and the transport's state until it stops", async () => {
    const world = new ActorWorld();
    const { system, transport } = world.node("n");
    const other = world.network.connect("other");
    const seen: string[] = [];
    const ref = system.spawn<string>("a", () => ({
      started: (context) => {
        context.subscribe("news.*", (payload, subject) =>
          payload[0] === 0 ? undefined : `${subject} ${payload[0]}`,
        );
        context.onTransport((status) => status);
      },
      receive: (message) => {
        seen.push(message);
      },
    }));
    await world.settle();
    for (const byte of [1, 0, 2]) other.publish("news.x", Uint8Array.of(byte));
    await world.settle();
    transport.disconnect();
    transport.reconnect();
    await world.settle();
    expect(seen).toEqual(["news.x 1", "news.x 2", "disconnected", "connected"]);
    system.stopActor(ref);
    await world.settle();
    other.publish("news.x", Uint8Array.of(3));
    transport.disconnect();
    await world.settle();
    expect(seen).toHaveLength(4);
  });

  it("lets others and the event loop have their turns, however busy it is", async () => {
    const world = new ActorWorld();
    const { system } = world.node("n", {});
    const seen: unknown[] = [];
    const busy = system.spawn<number>(
      "busy",
      onMessage((number, context) => context.self.tell(number + 1)),
    );
    const other = system.spawn<string>("other", recorder(seen));
    busy.tell(0);
    other.tell("hello");
    let turns = 0;
    const count = (): void => {
      turns++;
      if (turns < 3) world.clock.schedule(0, count);
    };
    world.clock.schedule(0, count);
    await world.clock.runUntil(() => turns === 3);
    expect(seen).toEqual(["hello"]);
    system.stopActor(busy);
    await world.settle();
  });
});

describe("the timers of an actor", () => {
  it("fire once or again and again, and not once cancelled", async () => {
    const world = new ActorWorld();
    const seen: string[] = [];
    let cancelTicks!: () => void;
    world.node("n").system.spawn<string>("a", () => ({
      started: (context) => {
        context.after(100, "once");
        context.after(150, "never")();
        cancelTicks = context.every(100, "tick");
      },
      receive: (message, context) => {
        seen.push(`${message} ${context.monotonicMs()}`);
      },
    }));
    await world.clock.advance(350);
    cancelTicks();
    await world.clock.advance(1000);
    expect(seen).toEqual(["once 100", "tick 100", "tick 200", "tick 300"]);
  });

  it("tick together where the clock has ticks, whenever they were started", async () => {
    const world = new ActorWorld();
    const { clock } = world;
    Object.assign(clock, {
      untilTick: (intervalMs: number) => untilTick(intervalMs, clock.monotonicMs()),
    });
    const seen: string[] = [];
    const { system } = world.node("n");
    for (const name of ["a", "b"]) {
      system.spawn<string>(name, () => ({
        started: (context) => {
          context.every(100, "tick");
        },
        receive: (_, context) => {
          seen.push(`${name} ${context.monotonicMs()}`);
        },
      }));
      await clock.advance(30);
    }
    await clock.advance(150);
    expect(seen).toEqual(["a 100", "b 100", "a 200", "b 200"]);
  });

  it("do not deliver what was cancelled while it waited in the mailbox", async () => {
    const world = new ActorWorld();
    const wait = gate();
    const seen: string[] = [];
    let cancel!: () => void;
    const { system } = world.node("n");
    const ref = system.spawn<string>("a", () => ({
      started: (context) => {
        cancel = context.after(10, "timer");
      },
      receive: async (message) => {
        seen.push(message);
        await wait.opened;
      },
    }));
    ref.tell("slow");
    await world.clock.advance(50);
    expect(system.tree()[0]?.mailbox).toBe(1);
    cancel();
    wait.open();
    await world.settle();
    expect(seen).toEqual(["slow"]);
  });

  it("leave no heap of ticks at an actor that is slow", async () => {
    const world = new ActorWorld();
    const wait = gate();
    const { system } = world.node("n");
    const ref = system.spawn<string>("a", () => ({
      started: (context) => {
        context.every(10, "tick");
      },
      receive: (message) => (message === "slow" ? wait.opened : undefined),
    }));
    ref.tell("slow");
    await world.clock.advance(1000);
    expect(system.tree()[0]?.mailbox).toBe(1);
    wait.open();
    await world.clock.advance(50);
    expect(system.tree()[0]?.processed).toBeGreaterThan(5);
  });

  it("pass a full mailbox", async () => {
    const world = new ActorWorld();
    const wait = gate();
    const seen: string[] = [];
    const ref = world.node("n").system.spawn<string>(
      "a",
      () => ({
        started: (context) => {
          context.after(10, "timer");
        },
        receive: async (message) => {
          seen.push(message);
          await wait.opened;
        },
      }),
      { mailbox: { capacity: 2, overflow: "dropOldest" } },
    );
    await world.settle();
    ref.tell("first");
    await world.settle();
    await world.clock.advance(20);
    for (const message of ["a", "b", "c", "d"]) ref.tell(message);
    wait.open();
    await world.settle();
    expect(seen).toEqual(["first", "timer", "c", "d"]);
  });
});
