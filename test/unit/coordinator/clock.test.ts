import { describe, expect, it, vi } from "vitest";
import { CoordinatorWorld, SimulatedAgent } from "../../support/coordinator-world.ts";
import { failed } from "../../support/run-driver.ts";

const HOUR_MS = 3_600_000;

/** A world whose wall clock can be set, against the time that goes by. */
function worldWithWallClock(): { world: CoordinatorWorld; setBy: (ms: number) => void } {
  const world = new CoordinatorWorld();
  let setMs = 0;
  const real = world.clock.now.bind(world.clock);
  vi.spyOn(world.clock, "now").mockImplementation(() => real() + setMs);
  const setBy = (ms: number): void => {
    setMs += ms;
  };
  return { world, setBy };
}

describe("a wall clock that is set", () => {
  it("fires no limit on the wait for a slot, and delays none", async () => {
    for (const stepMs of [HOUR_MS, -HOUR_MS]) {
      const { world, setBy } = worldWithWallClock();
      await world.startCoordinator();
      await world.submit("r1", { a: { timeouts: { queueMs: 20_000 } } });
      await world.clock.advance(10_000);
      setBy(stepMs);
      await world.clock.advance(7_000);
      expect((await world.view("r1")).status).toBe("running");
      await world.clock.advance(5_000);
      expect((await world.view("r1")).status).toBe("failed");
    }
  });

  it("fires none at a takeover by a host that has another time", async () => {
    for (const stepMs of [HOUR_MS, -HOUR_MS]) {
      const { world, setBy } = worldWithWallClock();
      const first = await world.startCoordinator();
      await world.submit("r1", { a: { timeouts: { queueMs: 20_000 } } });
      await world.clock.advance(10_000);
      first.crash();
      setBy(stepMs);
      await world.startCoordinator();
      await world.clock.advance(7_000);
      expect((await world.view("r1")).status).toBe("running");
      await world.clock.advance(20_000);
      expect((await world.view("r1")).status).toBe("failed");
    }
  });

  it("neither hastens nor delays a retry", async () => {
    for (const stepMs of [HOUR_MS, -HOUR_MS]) {
      const { world, setBy } = worldWithWallClock();
      await world.startCoordinator();
      const agent = new SimulatedAgent(world, "one", () => failed);
      await world.submit("r1", { a: { retries: { max: 1, backoffMs: 20_000 } } });
      await world.clock.advance(1_000);
      setBy(stepMs);
      await world.clock.advance(7_000);
      expect(agent.started).toHaveLength(1);
      await world.clock.advance(25_000);
      expect(agent.started).toHaveLength(2);
    }
  });
});
