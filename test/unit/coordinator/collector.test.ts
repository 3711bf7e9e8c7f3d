import { describe, expect, it } from "vitest";
import { CollectorActor } from "../../../coordinator/actors/collector.ts";
import type { CollectorMessage, CoordinatorMessage } from "../../../coordinator/actors/messages.ts";
import { MessageCodec } from "../../../shared/actor/message-codec.ts";
import { ActorWorld, recorder } from "../../support/actor-world.ts";
import { MemoryCollectionStores } from "../../support/memory-collection.ts";

const MINUTE_MS = 60_000;
const codec = new MessageCodec();

/** A collector on simulated time, when it asked for the server's time, and what it told the coordinator. */
async function place({ isDue = false, isBroken = false } = {}) {
  const world = new ActorWorld();
  const { system } = world.node("coordinator");
  const begunMs: number[] = [];
  const told: CoordinatorMessage[] = [];
  const stores = Object.assign(new MemoryCollectionStores(codec), {
    now: async (): Promise<number> => {
      begunMs.push(world.clock.monotonicMs());
      if (isBroken) throw new Error("no answer");
      return world.clock.now();
    },
  });
  const coordinator = system.spawn<CoordinatorMessage>("main", recorder(told));
  system.spawn<CollectorMessage>(
    "collector",
    () =>
      new CollectorActor({
        policy: { keepRunsForMs: Number.POSITIVE_INFINITY, keepRuns: Number.POSITIVE_INFINITY },
        unreferencedForMs: 24 * 60 * MINUTE_MS,
        intervalMs: 60 * MINUTE_MS,
        epoch: 1,
        stores,
        codec,
        coordinator,
        isDue,
        lostAfterMs: 15_000,
        isRetried: () => false,
      }),
  );
  await world.settle();
  return { world, begunMs, told };
}

describe("the collector", () => {
  it("collects some minutes after its leader began, and then by the hour", async () => {
    const { world, begunMs } = await place();
    await world.clock.advance(130 * MINUTE_MS);
    const [first = 0, second = 0, third = 0] = begunMs;
    expect(begunMs).toHaveLength(3);
    expect(first).toBeGreaterThan(3 * MINUTE_MS);
    expect(first).toBeLessThan(7 * MINUTE_MS);
    expect(Math.round((second - first) / MINUTE_MS)).toBe(60);
    expect(Math.round((third - second) / MINUTE_MS)).toBe(60);
  });

  it("begins as soon as agents have been heard when something of a run may be left", async () => {
    const { world, begunMs } = await place({ isDue: true });
    await world.clock.advance(MINUTE_MS);
    expect(begunMs).toEqual([15_000]);
  });

  it("tells the coordinator what came of it, and tries again when it failed", async () => {
    const { world, begunMs, told } = await place({ isBroken: true });
    await world.clock.advance(70 * MINUTE_MS);
    expect(begunMs).toHaveLength(2);
    expect(told).toMatchObject([
      { kind: "collected", failure: expect.any(String) },
      { kind: "collected", failure: expect.any(String) },
    ]);
    const sound = await place();
    await sound.world.clock.advance(10 * MINUTE_MS);
    expect(sound.told).toMatchObject([{ kind: "allRemoved" }, { kind: "collected", failure: null }]);
  });
});
