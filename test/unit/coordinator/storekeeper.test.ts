import { describe, expect, it } from "vitest";
import { Storekeeper } from "../../../coordinator/actors/storekeeper.ts";
import { CoordinatorWorld, SimulatedAgent, subjects } from "../../support/coordinator-world.ts";
import { recordedRun } from "../../support/recorded-run.ts";
import { failed } from "../../support/run-driver.ts";

describe("a collection that fails", () => {
  it("is shown as a trouble since the first failure, until one is done", () => {
    const storekeeper = new Storekeeper({}, new Set());
    expect(storekeeper.status().troubles).toEqual([]);
    storekeeper.take({ kind: "collected", at: 60_000, failure: "the clocks differ" });
    storekeeper.take({ kind: "collected", at: 120_000, failure: "still" });
    expect(storekeeper.status().troubles).toMatchObject([
      {
        code: "collection.failed",
        message: expect.stringContaining("still"),
        since: "1970-01-01T00:01:00.000Z",
      },
    ]);
    storekeeper.take({ kind: "collected", at: 180_000, failure: null });
    expect(storekeeper.status().troubles).toEqual([]);
  });
});

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

  it("is kept from removal by a retry until that is stored, or refused", () => {
    const storekeeper = new Storekeeper({}, new Set());
    storekeeper.onRetryBegun("r2", "r1");
    storekeeper.onRetryBegun("r3", "r1");
    storekeeper.onSubmitted("r2");
    expect(["r1", "r2"].map((run) => storekeeper.isRetried(run))).toEqual([true, false]);
    storekeeper.onSubmitted("r3");
    expect(storekeeper.isRetried("r1")).toBe(false);
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
