import { describe, expect, it } from "vitest";
import type { Reply } from "../../../coordinator/actors/messages.ts";
import { gate } from "../../support/actor-world.ts";
import { changed } from "../../support/changed.ts";
import { CoordinatorWorld, SimulatedAgent, subjects } from "../../support/coordinator-world.ts";
import { type Sketch, succeeded } from "../../support/run-driver.ts";

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

  it.each(["cancel", "priority"] as const)(
    "a job that the run does not have is refused: %s",
    async (verb) => {
      const { world } = await place();
      await world.submit("r1", { a: {}, b: {} });
      const request = { run: "r1", job: "c" };
      const asked =
        verb === "cancel" ? world.call(verb, request) : world.call(verb, { ...request, priority: 0 });
      expect(await asked).toMatchObject({ ok: false, code: "notFound" });
      expect(await world.view("r1")).toMatchObject({ status: "running", priority: 500 });
      new SimulatedAgent(world, "one");
      await world.clock.advance(5_000);
      expect(await world.view("r1")).toMatchObject({ status: "succeeded" });
    },
  );

  it("is confirmed when it is stored, and not before", async () => {
    const { opened, open } = gate();
    let isWaiting = false;
    const world = new CoordinatorWorld();
    await world.startCoordinator((journal) =>
      changed(journal, {
        append: (append) => (isWaiting ? opened : Promise.resolve()).then(() => journal.append(append)),
      }),
    );
    await world.submit("r1", { a: {} });
    isWaiting = true;
    const replies: Reply[] = [];
    const asked = world.call("cancel", { run: "r1" }).then((reply) => replies.push(reply));
    await world.clock.advance(2_000);
    expect(replies).toEqual([]);
    open();
    await world.clock.advance(2_000);
    await asked;
    expect(replies).toMatchObject([{ ok: true, result: { cancelled: true } }]);
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

  it("a job that has ended changes nothing, and says so with how its run goes", async () => {
    const { world } = await place();
    new SimulatedAgent(world, "one", ({ spec }) => (spec.name === "a" ? succeeded : undefined));
    await world.submit("r1", { a: {}, b: {} });
    await world.clock.advance(2_000);
    const cancel = (job: string) => world.call("cancel", { run: "r1", job });
    expect(await cancel("a")).toEqual({ ok: true, result: { cancelled: false, status: "running" } });
    await world.call("cancel", { run: "r1", by: "somebody", reason: "not needed" });
    expect(await cancel("b")).toMatchObject({ ok: true, result: { status: "cancelling" } });
  });
});
