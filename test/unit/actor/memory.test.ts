import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, it } from "vitest";
import type { ActorRef, Context } from "../../../shared/actor/contract.ts";
import { ActorWorld } from "../../support/actor-world.ts";

setFlagsFromString("--expose_gc");
const collectGarbage = runInNewContext("gc") as () => void;

interface Message {
  readonly kind: "begin" | "over";
}

/** What an actor is left with when it has done this once and lives on; true when it keeps the object of it. */
async function keeps(begin: (context: Context<Message>, object: object) => void): Promise<boolean> {
  const world = new ActorWorld();
  const { system } = world.node("a", { serialiseLocal: false });
  let kept: WeakRef<object> | undefined;
  const actor = system.spawn<Message>("actor", () => ({
    receive: (message, context) => {
      if (message.kind !== "begin") return;
      const object = { kind: "over" };
      kept = new WeakRef(object);
      begin(context, object);
    },
  }));
  actor.tell({ kind: "begin" });
  await world.clock.advance(1_000);
  // One of the latest messages may still be at hand somewhere.
  actor.tell({ kind: "over" });
  await world.clock.advance(1_000);
  await new Promise((resolve) => setImmediate(resolve));
  collectGarbage();
  const isKept = kept?.deref() !== undefined;
  expect(system.tree()).toMatchObject([{ path: "/actor" }]);
  return isKept;
}

it("keeps a timer as long as it runs, so that this test can tell", async () => {
  expect(await keeps((context, object) => context.every(60_000, object as Message))).toBe(true);
});

it("keeps nothing of a timer that is over", async () => {
  expect(await keeps((context, object) => context.after(10, object as Message))).toBe(false);
});

it("keeps nothing of a timer that was cancelled", async () => {
  const cancelled = await keeps((context, object) => context.every(10, object as Message)());
  expect(cancelled).toBe(false);
});

it("keeps nothing of a promise whose end has come back", async () => {
  const begin = (context: Context<Message>, object: object): void =>
    context.pipe(
      Promise.resolve(),
      () => object as Message,
      () => object as Message,
    );
  expect(await keeps(begin)).toBe(false);
});

it("keeps nothing of a question that was answered, where it was asked and where it was answered", async () => {
  const world = new ActorWorld();
  const { system } = world.node("a", { serialiseLocal: false });
  const answering = system.spawn<{ readonly replyTo: ActorRef<number> }>("answering", () => ({
    receive: ({ replyTo }) => replyTo.tell(1),
  }));
  const ask = async (): Promise<WeakRef<object>> => {
    const reply = system.ask<number, { readonly replyTo: ActorRef<number> }>(
      answering,
      (replyTo) => ({ replyTo }),
      1_000,
    );
    await world.clock.advance(10);
    expect(await reply).toBe(1);
    return new WeakRef(reply);
  };
  const question = await ask();
  await ask();
  await world.clock.advance(5_000);
  await new Promise((resolve) => setImmediate(resolve));
  collectGarbage();
  expect(question.deref()).toBeUndefined();
});
