import { describe, expect, it } from "vitest";
import { ActorWorld, gate, onMessage } from "../../support/actor-world.ts";

describe("the inspector", () => {
  it("shows the tree with states, mailboxes and counts", async () => {
    const world = new ActorWorld();
    const { system } = world.node("n");
    const wait = gate();
    const ref = system.spawn<string>("parent", () => ({
      started: (context) => {
        for (const name of ["a", "b", "c"])
          context.spawn(
            name,
            onMessage(() => undefined),
          );
      },
      receive: () => wait.opened,
    }));
    ref.tell("one");
    ref.tell("two");
    await world.settle();
    const idle = { state: "ready", mailbox: 0, processed: 0, restarts: 0, childCount: 0, children: [] };
    expect(system.tree({ maxChildren: 2 })).toEqual([
      {
        path: "/parent",
        state: "busy",
        mailbox: 1,
        processed: 1,
        restarts: 0,
        childCount: 3,
        children: [
          { path: "/parent/a", ...idle },
          { path: "/parent/b", ...idle },
        ],
      },
    ]);
    expect(system.tree({ maxDepth: 0 })[0]).toMatchObject({ childCount: 3, children: [] });
  });
});
