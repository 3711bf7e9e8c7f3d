import { describe, expect, it } from "vitest";
import type { RunMessage } from "../../../coordinator/actors/messages.ts";
import { RunPatience, type StoreRequest } from "../../../coordinator/actors/run-patience.ts";
import type { Context } from "../../../shared/actor/contract.ts";
import { MillraceError } from "../../../shared/model/error.ts";
import { ActorWorld } from "../../support/actor-world.ts";

const refused = new MillraceError("unavailable", "the stream is sealed");

/** A run that asks its stores, and stores that answer when they are told to. */
async function place() {
  const world = new ActorWorld();
  const patience = new RunPatience();
  const kinds: string[] = [];
  /** Of each failure: whether it is tried again. */
  const taken: boolean[] = [];
  let context: Context<RunMessage> | undefined;
  world.node("coordinator").system.spawn<RunMessage>("run", () => ({
    started: (own) => {
      context = own;
    },
    receive: (message, own) => {
      kinds.push(message.kind);
      if (message.kind === "storeFailed") taken.push(patience.takes(message, own));
      if (message.kind === "storeDue") patience.onDue(message.errand);
    },
  }));
  await world.settle();
  const own = context as unknown as Context<RunMessage>;
  /** Gives what was asked so far: of each, how it is answered. */
  const ask = (name: string, options: Partial<StoreRequest<void>> = {}) => {
    const asked: { store(): void; refuse(error: Error): void }[] = [];
    const request = (): Promise<void> =>
      new Promise((resolve, reject) => asked.push({ store: resolve, refuse: reject }));
    patience.ask({ name, request, ...options }, () => ({ kind: "eventsStored" }), own);
    const refuse = async (error: Error = refused): Promise<void> => {
      asked.at(-1)?.refuse(error);
      await world.settle();
    };
    return { asked, refuse };
  };
  return { world, patience, own, kinds, taken, ask };
}

describe("what a run asks of a store", () => {
  it("is asked again and again as long as the store refuses, and told once to operators", async () => {
    const { world, kinds, taken, ask } = await place();
    const { asked, refuse } = ask("the append");
    for (let tries = 1; tries <= 10; tries++) {
      expect(asked).toHaveLength(tries);
      await refuse();
      await world.clock.advance(30_000);
    }
    asked.at(-1)?.store();
    await world.settle();
    expect(taken).toEqual(Array.from({ length: 10 }, () => true));
    expect(kinds.at(-1)).toBe("eventsStored");
    expect(world.log.map(({ level }) => level)).toEqual(["warn"]);
  });

  it("is asked again at once when the server is back, and not once more when its rest would be over", async () => {
    const { world, patience, ask } = await place();
    const { asked, refuse } = ask("the append");
    for (let tries = 0; tries < 5; tries++) {
      await refuse();
      await world.clock.advance(30_000);
    }
    await refuse();
    await world.clock.advance(7_000);
    patience.onConnected();
    expect(asked).toHaveLength(7);
    // Refused again: the rest that was cut short does not end the next one, which is longer.
    await refuse();
    await world.clock.advance(14_000);
    expect(asked).toHaveLength(7);
    await world.clock.advance(16_000);
    expect(asked).toHaveLength(8);
  });

  it("is under way once, however often the server comes back meanwhile", async () => {
    const { world, patience, ask } = await place();
    const { asked, refuse } = ask("the append");
    patience.onConnected();
    expect(asked).toHaveLength(1);
    await refuse();
    patience.onConnected();
    patience.onConnected();
    await world.clock.advance(60_000);
    expect(asked).toHaveLength(2);
  });

  it("is over when it can't be mended by asking again", async () => {
    const { world, patience, own, taken, ask } = await place();
    const { asked, refuse } = ask("the reading");
    await refuse(new MillraceError("corrupt", "nonsense"));
    expect(taken).toEqual([false]);
    await world.clock.advance(60_000);
    patience.onConnected();
    expect(asked).toHaveLength(1);
    expect(patience.longestWait(own)).toBeUndefined();
  });

  it("keeps its run waiting from the first refusal on, or when it is silent for longer than usual", async () => {
    const { world, patience, own, ask } = await place();
    const since = world.clock.now();
    ask("the reading", { patienceMs: Number.POSITIVE_INFINITY });
    const { asked } = ask("the append");
    await world.clock.advance(2_900);
    expect(patience.longestWait(own)).toBeUndefined();
    await world.clock.advance(200);
    const silent = { since, reason: "the append: the server does not answer" };
    expect(patience.longestWait(own)).toEqual(silent);
    await world.clock.advance(60_000);
    expect(patience.longestWait(own)).toEqual(silent);
    const { refuse } = ask("the events");
    await refuse();
    expect(patience.waitFor("the events", own)?.reason).toBe("the events: the stream is sealed");
    asked[0]?.store();
    await world.settle();
    expect(patience.waitFor("the append", own)).toBeUndefined();
  });
});
