import { describe, expect, it } from "vitest";
import type { Behaviour, Context, Supervision } from "../../../shared/actor/contract.ts";
import { ActorWorld, gate, type Node, onMessage, recorder } from "../../support/actor-world.ts";

class Fragile implements Behaviour<string> {
  private readonly seen: string[];
  private readonly generation: number;

  constructor(seen: string[], generation: number) {
    this.seen = seen;
    this.generation = generation;
  }

  started(): void {
    this.seen.push(`started ${this.generation}`);
  }

  receive(message: string): void {
    if (message === "fail") throw new Error("broken");
    this.seen.push(`${message} ${this.generation}`);
  }

  stopped(): void {
    this.seen.push(`stopped ${this.generation}`);
  }
}

function fragile(node: Node, supervision?: Supervision) {
  const seen: string[] = [];
  const failures: unknown[] = [];
  let generation = 0;
  const ref = node.system.spawn<string>("fragile", () => new Fragile(seen, ++generation), {
    ...(supervision === undefined ? {} : { supervision }),
    onFailure: (error) => failures.push(error),
  });
  return { ref, seen, failures };
}

describe("supervision", () => {
  it("restarts with a new behaviour and keeps the mailbox", async () => {
    const world = new ActorWorld();
    const node = world.node("n");
    const { ref, seen } = fragile(node);
    for (const message of ["a", "fail", "b", "c"]) ref.tell(message);
    await world.settle();
    expect(seen).toEqual(["started 1", "a 1", "stopped 1", "started 2", "b 2", "c 2"]);
    expect(node.system.tree()).toMatchObject([{ restarts: 1, state: "ready", processed: 4 }]);
    expect(node.system.counters).toMatchObject({ failures: 1, restarts: 1, living: 1 });
  });

  it("treats a rejected promise as a throw", async () => {
    const world = new ActorWorld();
    let made = 0;
    const ref = world.node("n").system.spawn<string>("a", () => {
      made++;
      return { receive: () => Promise.reject(new Error("no")) };
    });
    ref.tell("x");
    await world.settle();
    expect(made).toBe(2);
  });

  it("stops on the directive, tells the cause and reports the error", async () => {
    const world = new ActorWorld();
    const node = world.node("n");
    const { ref, seen, failures } = fragile(node, { decide: () => "stop" });
    const terminated = node.system.whenTerminated(ref);
    ref.tell("fail");
    ref.tell("lost");
    await world.settle();
    expect(seen).toEqual(["started 1", "stopped 1"]);
    expect(await terminated).toEqual({ node: "n", path: "/fragile", cause: "failed" });
    expect(failures).toEqual([new Error("broken")]);
    expect(node.deadLetters).toMatchObject([{ reason: "terminated", target: "/fragile", payload: "lost" }]);
  });

  it("allows so many restarts in a window, then escalates", async () => {
    const world = new ActorWorld();
    const { ref, seen, failures } = fragile(world.node("n"), { maxRestarts: 2, windowMs: 1000 });
    ref.tell("fail");
    ref.tell("fail");
    await world.clock.advance(2000);
    ref.tell("fail");
    ref.tell("fail");
    await world.settle();
    expect(failures).toEqual([]);
    ref.tell("fail");
    await world.settle();
    expect(failures).toMatchObject([{ code: "restartsExceeded", cause: new Error("broken") }]);
    expect(seen.filter((line) => line.startsWith("started"))).toHaveLength(5);
  });

  it("waits longer after each failure in a row", async () => {
    const world = new ActorWorld();
    const startedAt: number[] = [];
    world.node("n").system.spawn<string>(
      "a",
      () => ({
        started: (context) => {
          startedAt.push(context.monotonicMs());
          throw new Error("no start");
        },
        receive: () => undefined,
      }),
      { supervision: { maxRestarts: 5, windowMs: 60_000, backoff: { minMs: 100, maxMs: 500 } } },
    );
    await world.clock.advance(60_000);
    const waits = startedAt.slice(1).map((at, index) => at - startedAt[index]!);
    expect(waits).toHaveLength(5);
    for (const [index, full] of [100, 200, 400, 500, 500].entries()) {
      expect(waits[index]).toBeGreaterThanOrEqual(full * 0.8);
      expect(waits[index]).toBeLessThanOrEqual(full);
    }
  });

  it("can be stopped while it waits for its restart", async () => {
    const world = new ActorWorld();
    const node = world.node("n");
    const { ref, seen } = fragile(node, { backoff: { minMs: 1000, maxMs: 1000 } });
    ref.tell("fail");
    await world.settle();
    expect(node.system.tree()[0]?.state).toBe("backingOff");
    node.system.stopActor(ref);
    await world.clock.advance(5000);
    expect(seen).toEqual(["started 1", "stopped 1"]);
    expect(node.system.counters.living).toBe(0);
  });

  it("escalates to the parent, which fails in its child's place and restarts without its children", async () => {
    const world = new ActorWorld();
    const node = world.node("n");
    const made: string[] = [];
    let parentContext!: Context<string>;
    const errors: unknown[] = [];
    node.system.spawn<string>(
      "parent",
      () => {
        made.push("parent");
        return {
          started: (context) => {
            parentContext = context;
          },
          receive: () => undefined,
        };
      },
      {
        supervision: {
          decide: (error) => {
            errors.push(error);
            return "restart";
          },
        },
      },
    );
    await world.settle();
    const ended: unknown[] = [];
    const sibling = parentContext.spawn<string>("sibling", recorder([]));
    const child = parentContext.spawn<string>(
      "child",
      onMessage((message) => {
        throw new Error(message);
      }),
      { supervision: { decide: () => "escalate" } },
    );
    for (const ref of [child, sibling]) void node.system.whenTerminated(ref).then((end) => ended.push(end));
    child.tell("bad");
    await world.settle();
    expect(errors).toEqual([new Error("bad")]);
    expect(made).toEqual(["parent", "parent"]);
    expect(ended).toEqual([
      { node: "n", path: "/parent/child", cause: "failed" },
      { node: "n", path: "/parent/sibling", cause: "stopped" },
    ]);
    expect(node.system.tree()).toMatchObject([{ path: "/parent", state: "ready", childCount: 0 }]);
  });

  it("takes an escalation only after the parent's own message", async () => {
    const world = new ActorWorld();
    const wait = gate();
    const seen: string[] = [];
    const ref = world.node("n").system.spawn<string>("parent", () => ({
      started: (context) => {
        const child = context.spawn<string>(
          "child",
          onMessage(() => {
            throw new Error("bad");
          }),
          { supervision: { decide: () => "escalate" } },
        );
        child.tell("go");
      },
      receive: async () => {
        await wait.opened;
        seen.push("handled");
      },
      stopped: () => {
        seen.push("stopped");
      },
    }));
    ref.tell("slow");
    await world.settle();
    expect(seen).toEqual([]);
    wait.open();
    await world.settle();
    expect(seen.slice(0, 2)).toEqual(["handled", "stopped"]);
  });

  it("drops timers, subscriptions, watches and piped promises of the old behaviour", async () => {
    const world = new ActorWorld();
    const node = world.node("n");
    const wait = gate();
    const seen: string[] = [];
    let generation = 0;
    const watched = node.system.spawn<string>("watched", recorder([]));
    const ref = node.system.spawn<string>("a", () => {
      generation++;
      return {
        started: (context) => {
          if (generation > 1) return;
          context.every(10, "tick");
          context.after(10, "timer");
          context.subscribe("news", () => "news");
          context.watch(watched, () => "terminated");
          context.pipe(
            wait.opened,
            () => "piped",
            () => "piped",
          );
        },
        receive: (message) => {
          if (message === "fail") throw new Error("broken");
          seen.push(message);
        },
      };
    });
    await world.settle();
    ref.tell("fail");
    await world.settle();
    wait.open();
    node.system.stopActor(watched);
    world.network.connect("other").publish("news", Uint8Array.of(1));
    await world.clock.advance(100);
    expect(seen).toEqual([]);
    expect(generation).toBe(2);
  });

  it("takes a failing decision for an escalation", async () => {
    const world = new ActorWorld();
    const { ref, failures } = fragile(world.node("n"), {
      decide: () => {
        throw new Error("undecided");
      },
    });
    ref.tell("fail");
    await world.settle();
    expect(failures).toEqual([new Error("broken")]);
    expect(world.log.map(({ message }) => message)).toContain("the decision on a failure failed itself");
  });

  it("supervises what cannot be made or started", async () => {
    const world = new ActorWorld();
    const failures: unknown[] = [];
    world.node("n").system.spawn<string>(
      "a",
      () => {
        throw new Error("not made");
      },
      { supervision: { maxRestarts: 1 }, onFailure: (error) => failures.push(error) },
    );
    await world.settle();
    expect(failures).toMatchObject([{ code: "restartsExceeded" }]);
  });

  it("fails an actor whose conversion of an outside event throws", async () => {
    const world = new ActorWorld();
    const failures: unknown[] = [];
    world.node("n").system.spawn<string>(
      "a",
      () => ({
        started: (context) => {
          context.subscribe("news", () => {
            throw new Error("unreadable");
          });
        },
        receive: () => undefined,
      }),
      { supervision: { decide: () => "stop" }, onFailure: (error) => failures.push(error) },
    );
    await world.settle();
    world.network.connect("other").publish("news", Uint8Array.of(1));
    await world.settle();
    expect(failures).toEqual([new Error("unreadable")]);
  });

  it("survives a throw in onFailure", async () => {
    const world = new ActorWorld();
    const { system } = world.node("n");
    const ref = system.spawn<string>(
      "a",
      onMessage(() => {
        throw new Error("broken");
      }),
      {
        supervision: { decide: () => "stop" },
        onFailure: () => {
          throw new Error("broken too");
        },
      },
    );
    ref.tell("x");
    await world.settle();
    expect(system.counters.living).toBe(0);
    expect(world.log.map(({ message }) => message)).toContain("onFailure failed itself");
  });

  it("gives the leftovers of a failed behaviour no children and timers until the next one is made", async () => {
    const world = new ActorWorld();
    const { system } = world.node("n");
    let context!: Context<string>;
    const ref = system.spawn<string>(
      "a",
      () => ({
        started: (given) => {
          context = given;
        },
        receive: () => {
          throw new Error("broken");
        },
      }),
      { supervision: { backoff: { minMs: 100, maxMs: 100 } } },
    );
    ref.tell("x");
    await world.settle();
    expect(() => context.spawn("late", recorder([]))).toThrow(/is ending/);
    context.after(10, "late");
    await world.clock.advance(50);
    expect(system.tree()).toMatchObject([{ state: "backingOff", mailbox: 0 }]);
  });
});
