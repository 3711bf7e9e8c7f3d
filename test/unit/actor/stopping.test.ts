import { describe, expect, it } from "vitest";
import type { Behaviour, Context } from "../../../shared/actor/contract.ts";
import { ActorWorld, gate, onMessage } from "../../support/actor-world.ts";

/** A tree of actors that write down their end; `names` are the children of each level. */
function treeOf(seen: string[], levels: readonly (readonly string[])[]): () => Behaviour<string> {
  return () => ({
    started: (context) => {
      for (const name of levels[0] ?? []) context.spawn(name, treeOf(seen, levels.slice(1)));
    },
    receive: () => undefined,
    stopped: (context) => {
      seen.push(context.self.path);
    },
  });
}

describe("stopping", () => {
  it("ends children before their parent, youngest first, each with all below it", async () => {
    const world = new ActorWorld();
    const { system } = world.node("n");
    const seen: string[] = [];
    system.spawn(
      "r",
      treeOf(seen, [
        ["a", "b"],
        ["x", "y"],
      ]),
    );
    system.spawn("s", treeOf(seen, []));
    await world.settle();
    const stopped = system.stop({ timeoutMs: 1000 });
    await world.settle();
    expect(await stopped).toEqual({ unfinished: [] });
    expect(seen).toEqual(["/s", "/r/b/y", "/r/b/x", "/r/b", "/r/a/y", "/r/a/x", "/r/a", "/r"]);
    expect(system.counters.living).toBe(0);
  });

  it("waits for each asynchronous end before the next", async () => {
    const world = new ActorWorld();
    const { system } = world.node("n");
    const seen: string[] = [];
    const waits = new Map([
      ["a", gate()],
      ["b", gate()],
    ]);
    const slow = (name: string) => (): Behaviour<string> => ({
      receive: () => undefined,
      stopped: async () => {
        seen.push(`ending ${name}`);
        await waits.get(name)!.opened;
        seen.push(`ended ${name}`);
      },
    });
    system.spawn("a", slow("a"));
    system.spawn("b", slow("b"));
    await world.settle();
    const stopped = system.stop({ timeoutMs: 1000 });
    await world.settle();
    expect(seen).toEqual(["ending b"]);
    waits.get("b")!.open();
    waits.get("a")!.open();
    await world.settle();
    expect(await stopped).toEqual({ unfinished: [] });
    expect(seen).toEqual(["ending b", "ended b", "ending a", "ended a"]);
  });

  it("waits for the child it has asked, also when another one ends meanwhile", async () => {
    const world = new ActorWorld();
    const { system } = world.node("n");
    const seen: string[] = [];
    const waits = new Map(["b", "c"].map((name) => [name, gate()]));
    let context!: Context<string>;
    const parent = system.spawn<string>("p", () => ({
      started: (given) => {
        context = given;
      },
      receive: () => undefined,
      stopped: () => {
        seen.push("p");
      },
    }));
    await world.settle();
    const [, b] = ["a", "b", "c"].map((name) =>
      context.spawn<string>(name, () => ({
        receive: () => undefined,
        stopped: async () => {
          await waits.get(name)?.opened;
          seen.push(name);
        },
      })),
    );
    await world.settle();
    context.stop(b);
    system.stopActor(parent);
    await world.settle();
    waits.get("b")!.open();
    await world.settle();
    expect(seen).toEqual(["b"]);
    waits.get("c")!.open();
    await world.settle();
    expect(seen).toEqual(["b", "c", "a", "p"]);
  });

  it("waits for an actor that does not end for 2 s, and says which it was", async () => {
    const world = new ActorWorld();
    const { system } = world.node("n");
    const seen: string[] = [];
    const parent = system.spawn<string>("p", () => ({
      started: (context) => {
        const make = (): Behaviour<string> => ({ receive: () => undefined, stopped: () => gate().opened });
        context.spawn("stuck", make);
      },
      receive: () => undefined,
      stopped: () => {
        seen.push("p");
      },
    }));
    await world.settle();
    system.stopActor(parent);
    await world.clock.advance(1_900);
    expect(seen).toEqual([]);
    await world.clock.advance(200);
    expect(seen).toEqual(["p"]);
    expect(world.log).toMatchObject([{ level: "warn", fields: { actor: "/p/stuck" } }]);
  });

  it("gives up at the deadline and says who had not ended", async () => {
    const world = new ActorWorld();
    const node = world.node("n");
    const ref = node.system.spawn<string>(
      "stuck",
      onMessage(() => gate().opened),
    );
    node.system.spawn<string>(
      "fine",
      onMessage(() => undefined),
    );
    ref.tell("x");
    await world.settle();
    const stopped = node.system.stop({ timeoutMs: 500 });
    await world.clock.advance(500);
    expect(await stopped).toEqual({ unfinished: ["/stuck"] });
    expect(() =>
      node.system.spawn(
        "late",
        onMessage(() => undefined),
      ),
    ).toThrow(/stopping/);
  });

  it("lets the current message end, and makes those that wait dead letters", async () => {
    const world = new ActorWorld();
    const node = world.node("n");
    const wait = gate();
    const seen: string[] = [];
    const ref = node.system.spawn<string>("a", () => ({
      receive: async (message, context) => {
        context.stop();
        await wait.opened;
        seen.push(message);
      },
      stopped: () => {
        seen.push("stopped");
      },
    }));
    ref.tell("one");
    ref.tell("two");
    await world.settle();
    ref.tell("three");
    wait.open();
    await world.settle();
    ref.tell("four");
    expect(seen).toEqual(["one", "stopped"]);
    expect(node.deadLetters.map(({ payload }) => payload)).toEqual(["three", "two", "four"]);
    expect(new Set(node.deadLetters.map(({ reason }) => reason))).toEqual(new Set(["terminated"]));
  });

  it("goes on when a behaviour fails in its stopped, which is called once", async () => {
    const world = new ActorWorld();
    const node = world.node("n");
    let calls = 0;
    const ref = node.system.spawn<string>("a", () => ({
      receive: () => undefined,
      stopped: () => {
        calls++;
        throw new Error("bad end");
      },
    }));
    await world.settle();
    node.system.stopActor(ref);
    node.system.stopActor(ref);
    await world.settle();
    expect(calls).toBe(1);
    expect(node.system.counters.living).toBe(0);
    expect(world.log).toMatchObject([{ level: "error", message: "actor failed while it stopped" }]);
  });

  it("never starts an actor that was stopped before its first turn", async () => {
    const world = new ActorWorld();
    const { system } = world.node("n");
    let made = 0;
    const ref = system.spawn<string>("a", () => {
      made++;
      return { receive: () => undefined };
    });
    system.stopActor(ref);
    await world.settle();
    expect(made).toBe(0);
    expect(system.counters.living).toBe(0);
  });

  it("turns a restart under way into a stop", async () => {
    const world = new ActorWorld();
    const { system } = world.node("n");
    const wait = gate();
    const seen: string[] = [];
    const ref = system.spawn<string>("a", () => ({
      started: () => {
        seen.push("started");
      },
      receive: () => {
        throw new Error("bad");
      },
      stopped: async () => {
        seen.push("stopped");
        await wait.opened;
      },
    }));
    ref.tell("x");
    await world.settle();
    expect(system.tree()[0]?.state).toBe("restarting");
    system.stopActor(ref);
    expect(system.tree()[0]?.state).toBe("stopping");
    wait.open();
    await world.settle();
    expect(seen).toEqual(["started", "stopped"]);
    expect(system.tree()).toEqual([]);
  });

  it("stops only own children on behalf of an actor", async () => {
    const world = new ActorWorld();
    const { system } = world.node("n");
    const stranger = system.spawn<string>(
      "stranger",
      onMessage(() => undefined),
    );
    let context!: Context<string>;
    system.spawn<string>("a", () => ({
      started: (given) => {
        context = given;
      },
      receive: () => undefined,
    }));
    await world.settle();
    expect(() => context.stop(stranger)).toThrow(/not its child/);
    const child = context.spawn<string>(
      "c",
      onMessage(() => undefined),
    );
    context.stop(child);
    await world.settle();
    expect(system.tree().map(({ path, childCount }) => [path, childCount])).toEqual([
      ["/stranger", 0],
      ["/a", 0],
    ]);
    context.stop(child);
  });

  it("leaves nothing to wait for when a node has stopped", async () => {
    const world = new ActorWorld();
    const one = world.node("one");
    const two = world.node("two");
    const target = two.system.spawn<string>(
      "t",
      onMessage(() => undefined),
    );
    one.system.spawn<string>("w", () => ({
      started: (context) => {
        context.every(100, "tick");
        context.watch(one.system.refTo("two", target.path), () => "gone");
      },
      receive: () => undefined,
    }));
    await world.clock.advance(3000);
    void one.system.stop({ timeoutMs: 1000 });
    void two.system.stop({ timeoutMs: 1000 });
    await world.clock.advance(1);
    expect(world.clock.pending).toBe(0);
  });

  it("stops many children of one parent without a deep stack", async () => {
    const world = new ActorWorld();
    const { system } = world.node("n", {});
    let context!: Context<string>;
    const parent = system.spawn<string>("p", () => ({
      started: (given) => {
        context = given;
      },
      receive: () => undefined,
    }));
    await world.settle();
    for (let index = 0; index < 50_000; index++)
      context.spawn(
        `${index}`,
        onMessage(() => undefined),
      );
    system.stopActor(parent);
    expect(await world.clock.runUntil(() => system.counters.living === 0, 1000)).toBe(true);
  });
});
