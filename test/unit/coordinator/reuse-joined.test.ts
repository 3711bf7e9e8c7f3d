import { describe, expect, it } from "vitest";
import { failed, type Sketch, succeeded } from "../../support/run-driver.ts";
import { ReuseScene } from "./reuse-scene.ts";

describe("an equal job that runs", () => {
  const alone: Sketch = { base: { reuse: true } };

  it("is joined, and its result taken", async () => {
    const scene = await ReuseScene.open(() => undefined);
    await scene.submit("r1", alone);
    await scene.submit("r2", alone);
    expect(scene.executed("r2")).toEqual([]);
    expect(await scene.explained("r2", "base")).toEqual(["waits for base of run r1: it is equal, and runs"]);
    expect(scene.eventsOf("r2", "job.joined")).toMatchObject([{ with: { run: "r1", job: "base" } }]);
    scene.agent.finish(scene.startOf("r1", "base"));
    await scene.finished("r2");
    expect(scene.executed("r2")).toEqual([]);
    expect(scene.typesOf("r2")).toContain("job.reused");
  });

  it.each([
    ["fails", async (scene: ReuseScene) => scene.agent.finish(scene.startOf("r1", "base"), failed)],
    [
      "is cancelled",
      async (scene: ReuseScene) => {
        await scene.world.call("cancel", { run: "r1" });
        scene.agent.finish(scene.startOf("r1", "base"), { kind: "cancelled" });
      },
    ],
    ["is held", (scene: ReuseScene) => scene.world.call("priority", { run: "r1", priority: 0 })],
    [
      "is held with its job",
      (scene: ReuseScene) => scene.world.call("priority", { run: "r1", job: "base", priority: 0 }),
    ],
  ])("is run by who has joined it when it %s", async (_, end) => {
    const scene = await ReuseScene.open(() => undefined);
    await scene.submit("r1", alone);
    await scene.submit("r2", alone);
    await scene.submit("r3", alone);
    await end(scene);
    await scene.world.clock.runUntil(() => scene.executed("r2").length + scene.executed("r3").length > 0);
    await scene.world.clock.advance(3_000);
    expect(scene.executed("r2").length + scene.executed("r3").length).toBe(1);
  });

  it("is joined under the next leader, too", async () => {
    const scene = new ReuseScene(() => undefined);
    const first = await scene.world.startCoordinator();
    await scene.world.clock.advance(5_000);
    await scene.submit("r1", alone);
    await scene.submit("r2", alone);
    first.crash();
    await scene.world.startCoordinator();
    await scene.submit("r3", alone);
    await scene.world.clock.advance(10_000);
    expect([...scene.executed("r2"), ...scene.executed("r3")]).toEqual([]);
    scene.agent.finish(scene.startOf("r1", "base"));
    await scene.finished("r2");
    await scene.finished("r3");
    expect([...scene.executed("r2"), ...scene.executed("r3")]).toEqual([]);
  });

  it("is looked for again by one that was held while it waited", async () => {
    const scene = await ReuseScene.open(({ run }) => (run === "r1" ? undefined : succeeded));
    await scene.submit("r1", alone);
    await scene.submit("r2", alone);
    await scene.world.call("priority", { run: "r2", priority: 0 });
    scene.agent.finish(scene.startOf("r1", "base"));
    await scene.finished("r1");
    expect(scene.typesOf("r2")).not.toContain("job.reused");
    await scene.world.call("priority", { run: "r2", priority: 500 });
    await scene.finished("r2");
    expect(scene.executed("r2")).toEqual([]);
  });

  it("is known to the next leader before anybody is told that none is there", async () => {
    const scene = new ReuseScene(() => undefined);
    const first = await scene.world.startCoordinator();
    await scene.world.clock.advance(5_000);
    await scene.submit("r1", alone);
    await scene.submit("r2", alone);
    first.crash();
    // The run that runs it is the last one to be taken over.
    await scene.world.startCoordinator((journal) => {
      const append = journal.append.bind(journal);
      journal.append = async (entry) => {
        const isLate = entry.run === "r1";
        if (isLate) await new Promise<void>((resolve) => scene.world.clock.schedule(5_000, () => resolve()));
        return await append(entry);
      };
      return journal;
    });
    await scene.world.clock.advance(15_000);
    expect(scene.executed("r2")).toEqual([]);
    scene.agent.finish(scene.startOf("r1", "base"));
    await scene.finished("r2");
    expect(scene.executed("r2")).toEqual([]);
  });

  it("is joined by one that was held before it got a slot", async () => {
    const scene = await ReuseScene.open(() => undefined);
    const filling = ["a", "b", "c", "d"];
    await scene.submit("r0", Object.fromEntries(filling.map((name) => [name, {}])));
    await scene.submit("r1", alone);
    await scene.world.call("priority", { run: "r1", priority: 0 });
    await scene.submit("r2", alone);
    await scene.world.call("priority", { run: "r1", priority: 900 });
    expect(await scene.explained("r1", "base")).toEqual(["waits for base of run r2: it is equal, and runs"]);
    for (const name of scene.executed("r0")) scene.agent.finish(scene.startOf("r0", name));
    await scene.world.clock.runUntil(() => scene.executed("r2").length > 0);
    scene.agent.finish(scene.startOf("r2", "base"));
    await scene.finished("r1");
    expect(scene.executed("r1")).toEqual([]);
  });

  it("is not waited for by one that is cancelled", async () => {
    const scene = await ReuseScene.open(() => undefined);
    await scene.submit("r1", alone);
    await scene.submit("r2", alone);
    await scene.world.call("cancel", { run: "r2", job: "base" });
    await scene.finished("r2");
    expect(await scene.view("r2", "base")).toMatchObject({ phase: "cancelled" });
    scene.agent.finish(scene.startOf("r1", "base"));
    await scene.finished("r1");
  });

  it("is joined within a run, too, but not by one that sees another name", async () => {
    const scene = await ReuseScene.open(() => undefined);
    const inPackage = { reuse: true, layout: "package" } as const;
    const inWorkspace = { reuse: true, env: [["A", "1"]] as [string, string][] };
    await scene.submit("r1", { one: inPackage, two: inPackage });
    await scene.submit("r2", { one: inWorkspace, two: inWorkspace });
    expect(scene.executed("r1")).toHaveLength(1);
    scene.agent.finish(scene.startOf("r1", scene.executed("r1")[0] ?? ""));
    await scene.finished("r1");
    expect(scene.executed("r1")).toHaveLength(1);
    expect(scene.executed("r2").sort()).toEqual(["one", "two"]);
  });
});
