import { describe, expect, it } from "vitest";
import { CoordinatorWorld, SimulatedAgent, subjects } from "../../support/coordinator-world.ts";
import type { Sketch } from "../../support/run-driver.ts";

async function place() {
  const world = new CoordinatorWorld();
  await world.startCoordinator();
  const results: string[] = [];
  world.network.connect("listener").subscribe(subjects.dependencyAll("r1"), (payload) => {
    const { job, status } = JSON.parse(Buffer.from(payload).toString()) as { job: string; status: string };
    results.push(`${job} ${status}`);
  });
  return { world, results };
}

describe("cancelling", () => {
  it("a run of very many jobs tells the end of each once, and gives the slots to others", async () => {
    const { world, results } = await place();
    const count = 1_200;
    const many = Object.fromEntries(
      Array.from({ length: count }, (_, index) => [
        `j${index}`,
        index < 400 ? {} : { needs: [`j${index - 400}`] },
      ]),
    );
    await world.submit("r1", many satisfies Sketch);
    expect(await world.call("cancel", { run: "r1" })).toMatchObject({
      ok: true,
      result: { cancelled: true },
    });
    const agent = new SimulatedAgent(world, "one");
    await world.submit("r2", { a: {} });
    await world.clock.advance(5_000);
    expect(await world.view("r1")).toMatchObject({ status: "cancelled", counts: { cancelled: count } });
    const events = world.events("r1");
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
    expect(events.filter(({ type }) => type === "job.cancelled")).toHaveLength(count);
    expect(agent.started.map(({ run }) => run)).toEqual(["r2"]);
    // All that would wait for them is cancelled with them.
    expect(results).toEqual([]);
  });

  it("a job tells those that run all the same", async () => {
    const { world, results } = await place();
    await world.submit("r1", { a: {}, tidy: { needs: ["a"], when: "always" } });
    await world.call("cancel", { run: "r1", job: "a" });
    const agent = new SimulatedAgent(world, "one");
    await world.clock.advance(5_000);
    expect(agent.started.map(({ spec }) => spec.name)).toEqual(["tidy"]);
    expect(results).toEqual(["a cancelled", "tidy succeeded"]);
  });
});
