import { describe, expect, it } from "vitest";
import { CoordinatorWorld, SimulatedAgent, subjects } from "../../support/coordinator-world.ts";
import { failed, jobsOf, type Sketch } from "../../support/run-driver.ts";

/** The number of attempts that fail, by job. */
function failing(world: CoordinatorWorld, name: string, failures: Record<string, number>): SimulatedAgent {
  return new SimulatedAgent(world, name, ({ spec }) => {
    const left = failures[spec.name] ?? 0;
    failures[spec.name] = left - 1;
    return left > 0 ? failed : { kind: "succeeded" };
  });
}

const names = (agent: SimulatedAgent, run: string) =>
  agent.started.filter((request) => request.run === run).map((request) => request.spec.name);

describe("the retry of a run", () => {
  const sketch: Sketch = {
    fetch: {},
    build: { needs: ["fetch"] },
    test: { needs: ["build"] },
    publish: { needs: ["test", "fetch"] },
  };

  it("starts what failed and what that blocked, and goes on so after a crash", async () => {
    const world = new CoordinatorWorld();
    const first = await world.startCoordinator();
    const agent = failing(world, "one", { test: 1 });
    await world.submit("r1", sketch);
    await world.clock.advance(5_000);
    expect((await world.view("r1")).status).toBe("failed");
    const answer = { ok: true, result: { run: "r2", jobs: 4, repeated: false } };
    expect(await world.call("retry", { run: "r2", retryOf: "r1" })).toEqual(answer);
    first.crash();
    await world.startCoordinator();
    await world.clock.advance(30_000);
    expect(await world.view("r2")).toMatchObject({ status: "succeeded", retryOf: "r1" });
    expect(names(agent, "r2")).toEqual(["test", "publish"]);
    const events = world.events("r2");
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
    expect(events.slice(0, 3)).toMatchObject([
      { type: "run.submitted", retryOf: "r1" },
      { type: "job.succeeded", job: "fetch", carriedFrom: "r1", attempt: 1, agent: "one" },
      { type: "job.succeeded", job: "build", carriedFrom: "r1" },
    ]);
    expect((await world.view("r1")).status).toBe("failed");
  });

  it("has a list of carried jobs that would fit no record as a document", { timeout: 30_000 }, async () => {
    const world = new CoordinatorWorld();
    const first = await world.startCoordinator();
    const agent = failing(world, "one", { last: 1 });
    const many = Array.from({ length: 800 }, (_, index) => `job-${index}`);
    await world.submit("r1", {
      ...Object.fromEntries(many.map((name) => [name, {}])),
      last: { needs: many },
    });
    await world.clock.advance(60_000);
    await world.call("retry", { run: "r2", retryOf: "r1" });
    const [submitted] = world.journalStream.recordsOf(subjects.journal("r2"));
    expect(Buffer.from(submitted?.payload ?? []).includes("digest")).toBe(true);
    first.crash();
    await world.startCoordinator();
    await world.clock.advance(30_000);
    expect(await world.view("r2")).toMatchObject({ status: "succeeded", counts: { succeeded: 801 } });
    expect(names(agent, "r2")).toEqual(["last"]);
  });

  it("has the name and the options of the run, but for those that are asked for anew", async () => {
    const world = new CoordinatorWorld();
    await world.startCoordinator();
    failing(world, "one", { fetch: 1 });
    const graph = { inline: { name: "nightly", jobs: jobsOf(sketch) } };
    await world.call("submit", { run: "r1", graph, options: { priority: 300, submitter: "ann" } });
    await world.clock.advance(5_000);
    expect(await world.view("r1")).toMatchObject({ status: "failed", name: "nightly" });
    await world.call("retry", { run: "r2", retryOf: "r1", options: { priority: 700 } });
    expect(await world.view("r2")).toMatchObject({ name: "nightly", priority: 700, submitter: "ann" });
    const [submitted] = world.journalStream.recordsOf(subjects.journal("r2"));
    // What is short is in the record itself.
    expect(Buffer.from(submitted?.payload ?? []).includes("digest")).toBe(false);
  });

  it("is one run however often it is asked for, and is refused where there is nothing to retry", async () => {
    const world = new CoordinatorWorld();
    await world.startCoordinator();
    failing(world, "one", { test: 2 });
    await world.submit("r1", sketch);
    await world.submit("good", { fetch: {} });
    await world.clock.advance(5_000);
    await world.call("retry", { run: "r2", retryOf: "r1" });
    expect(await world.call("retry", { run: "r2", retryOf: "r1" })).toMatchObject({
      ok: true,
      result: { repeated: true },
    });
    const unknown = await world.call("retry", { run: "x", retryOf: "nowhere" });
    expect(unknown).toMatchObject({ ok: false, code: "notFound" });
    const good = await world.call("retry", { run: "x", retryOf: "good" });
    expect(good).toMatchObject({ ok: false, code: "conflict", fix: expect.stringContaining("submit") });
    await world.submit("held", { a: { priority: 0 } });
    const living = await world.call("retry", { run: "x", retryOf: "held" });
    expect(living).toMatchObject({ ok: false, code: "conflict", fix: expect.stringContaining("cancel") });
  });
});

describe("the next attempt of a job", () => {
  it("goes to another agent than the one that has refused it", async () => {
    const world = new CoordinatorWorld();
    await world.startCoordinator();
    const refusing = new SimulatedAgent(world, "a-refusing", () => "refused");
    const other = new SimulatedAgent(world, "other");
    await world.submit("r1", { a: {}, b: {} });
    await world.clock.advance(2_000);
    expect((await world.view("r1")).status).toBe("succeeded");
    expect(refusing.started.length).toBeGreaterThan(0);
    expect(other.started).toHaveLength(2);
  });

  it("comes later each time while the only agent refuses the job, and explains it", async () => {
    const world = new CoordinatorWorld();
    await world.startCoordinator();
    const agent = new SimulatedAgent(world, "one", () => "refused");
    await world.submit("r1", { a: {} });
    await world.clock.advance(20_000);
    expect(agent.started.length).toBeGreaterThan(4);
    expect(agent.started.length).toBeLessThan(8);
    expect(JSON.stringify(await world.call("explain", { run: "r1", job: "a" }))).toContain(
      "it is tried again in",
    );
    await world.clock.advance(600_000);
    expect(agent.started.length).toBeLessThan(20);
  });

  it("goes to another agent than the one on which it has failed", async () => {
    const world = new CoordinatorWorld();
    await world.startCoordinator();
    const one = new SimulatedAgent(world, "one", () => failed);
    const two = new SimulatedAgent(world, "two", () => failed);
    await world.submit("r1", { a: { retries: { max: 1 } } });
    await world.clock.advance(5_000);
    expect([one.started.length, two.started.length]).toEqual([1, 1]);
  });

  it("goes back to it when the other one stays full, and explains why it waits until then", async () => {
    const world = new CoordinatorWorld();
    await world.startCoordinator();
    new SimulatedAgent(world, "full", () => undefined);
    await world.submit("r1", { long: {}, longer: {} });
    const idle = new SimulatedAgent(world, "idle", () => failed);
    await world.submit("r2", { a: { retries: { max: 1 } } });
    await world.clock.advance(10_000);
    expect(names(idle, "r2")).toEqual(["a"]);
    const explanation = await world.call("explain", { run: "r2", job: "a" });
    expect(JSON.stringify(explanation)).toContain("idle is avoided, as it has failed or was refused there");
    await world.clock.advance(30_000);
    expect(names(idle, "r2")).toEqual(["a", "a"]);
    expect((await world.view("r2")).status).toBe("failed");
  });
});
