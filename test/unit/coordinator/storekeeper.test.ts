import { describe, expect, it } from "vitest";
import { Storekeeper } from "../../../coordinator/actors/storekeeper.ts";
import { CoordinatorWorld, SimulatedAgent, subjects } from "../../support/coordinator-world.ts";
import { recordedRun } from "../../support/recorded-run.ts";
import { failed } from "../../support/run-driver.ts";

describe("a run that was given up", () => {
  it("leaves its id to others once nothing is left of any, also of those that a predecessor removed", () => {
    const storekeeper = new Storekeeper({}, new Set(["r1", "r2"]));
    storekeeper.take({ kind: "runsCondemned", runs: ["r3"] });
    expect(["r1", "r2", "r3"].map((run) => storekeeper.refusal(run)?.ok)).toEqual([false, false, false]);
    storekeeper.take({ kind: "allRemoved" });
    expect(["r1", "r2", "r3"].map((run) => storekeeper.refusal(run))).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });

  it("can't be retried while it is still in the journal", async () => {
    const world = new CoordinatorWorld();
    const first = await world.startCoordinator();
    new SimulatedAgent(world, "one", () => failed);
    await world.submit("r1", { a: {} });
    await world.clock.advance(5_000);
    expect(world.journalStream.last(subjects.journal("r1"))).toBeDefined();
    const ended = recordedRun({ endedAt: world.clock.now() }).at(-1);
    first.crash();
    world.appendRecord("r1", { ...ended, removed: true });
    await world.startCoordinator();
    expect(await world.call("retry", { run: "r2", retryOf: "r1" })).toMatchObject({
      ok: false,
      code: "notFound",
    });
  });
});
