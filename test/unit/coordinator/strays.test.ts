import { describe, expect, it } from "vitest";
import type { Journal, JournalItem } from "../../../coordinator/journal/journal.ts";
import { MillraceError } from "../../../shared/model/error.ts";
import { gate } from "../../support/actor-world.ts";
import { changed } from "../../support/changed.ts";
import { CoordinatorWorld, SimulatedAgent } from "../../support/coordinator-world.ts";
import { recordedRun } from "../../support/recorded-run.ts";
import type { Sketch } from "../../support/run-driver.ts";

/** A journal that knows nothing of a run as long as a new leader follows it. */
function hiding(run: string, has: (journal: Journal, run: string) => Promise<boolean>) {
  return (journal: Journal): Journal =>
    changed(journal, {
      follow: (signal) => without(run, journal.follow(signal)),
      lastOfEachRun: async () => (await journal.lastOfEachRun()).filter((entry) => entry.run !== run),
      has: (asked) => has(journal, asked),
    });
}

async function* without(run: string, items: AsyncIterable<JournalItem>): AsyncIterable<JournalItem> {
  for await (const item of items) if (item.kind === "claim" || item.entry.run !== run) yield item;
}

const cancels = (agent: SimulatedAgent) => agent.ordered.filter(({ kind }) => kind === "cancel");

/** A leader has taken a run, and its agent an attempt, of which the next leader does not know. */
async function takenUnheard() {
  const world = new CoordinatorWorld();
  const deposed = await world.startCoordinator();
  const agent = new SimulatedAgent(world, "one", () => undefined);
  await world.submit("r1", { a: {}, b: { needs: ["a"] } });
  deposed.crash();
  return { world, agent };
}

describe("an attempt of a run that the leader does not know", () => {
  it("goes on when the journal has the run, which is taken up", async () => {
    const { world, agent } = await takenUnheard();
    await world.startCoordinator(hiding("r1", (journal) => journal.has("r1")));
    await world.clock.advance(5_000);
    expect((await world.view("r1")).status).toBe("running");
    const [attempt] = agent.started;
    if (attempt !== undefined) agent.finish(attempt);
    await world.clock.advance(5_000);
    expect(agent.started.map(({ spec, attempt }) => `${spec.name} ${attempt}`)).toEqual(["a 1", "b 1"]);
    expect(cancels(agent)).toEqual([]);
  });

  it("is left to its run, which is taken up once, whoever tells of it and of how many others", async () => {
    const world = new CoordinatorWorld();
    const deposed = await world.startCoordinator();
    const agents = ["one", "two"].map((name) => new SimulatedAgent(world, name, () => undefined));
    const both: Sketch = { a: {}, b: {}, c: {}, d: {} };
    for (const run of ["r1", "r2"]) await world.submit(run, both);
    await world.clock.advance(2_000);
    for (const agent of agents)
      expect(new Set(agent.started.map(({ run }) => run))).toEqual(new Set(["r1", "r2"]));
    deposed.crash();
    const { opened, open } = gate();
    const has = (journal: Journal, run: string) => opened.then(() => journal.has(run));
    await world.startCoordinator((journal) => hiding("r1", has)(hiding("r2", has)(journal)));
    await world.clock.advance(5_000);
    open();
    await world.clock.advance(5_000);
    for (const run of ["r1", "r2"]) {
      expect((await world.view(run)).status).toBe("running");
      const takenUp = world.log.filter(
        ({ fields, message }) => /taken up/.test(message) && "run" in fields && fields.run === run,
      );
      expect(takenUp).toHaveLength(1);
    }
    expect(agents.map(({ started }) => started.length)).toEqual([4, 4]);
  });

  it("goes on as long as the journal does not say whether it has the run", async () => {
    const { world, agent } = await takenUnheard();
    let asked = 0;
    const refused = new MillraceError("unavailable", "the stream has no leader");
    const has = (journal: Journal) => (++asked < 20 ? Promise.reject(refused) : journal.has("r1"));
    await world.startCoordinator(hiding("r1", has));
    await world.clock.advance(10_000);
    expect(asked).toBeGreaterThan(5);
    expect(asked).toBeLessThan(20);
    expect(agent.started.every((request) => agent.holds(request))).toBe(true);
    await world.clock.advance(20_000);
    expect((await world.view("r1")).status).toBe("running");
    expect(agent.started).toHaveLength(1);
    expect(cancels(agent)).toEqual([]);
  });

  it("is ended when the journal does not have the run", async () => {
    const { world, agent } = await takenUnheard();
    const [attempt] = agent.started;
    if (attempt === undefined) throw new Error("nothing was started");
    await world.startCoordinator(hiding("r1", () => Promise.resolve(false)));
    agent.finish(attempt);
    await world.clock.advance(5_000);
    expect(agent.holds(attempt)).toBe(false);
  });

  it("is ended without a look into the journal when its run has ended", async () => {
    const world = new CoordinatorWorld();
    let asked = 0;
    await world.startCoordinator(hiding("r0", () => Promise.resolve(++asked > 0)));
    const agent = new SimulatedAgent(world, "one", () => undefined);
    await world.submit("r1", { a: {} });
    const [attempt] = agent.started;
    if (attempt === undefined) throw new Error("nothing was started");
    await world.call("cancel", { run: "r1" });
    agent.finish(attempt);
    await world.clock.advance(2_000);
    expect((await world.view("r1")).status).toBe("cancelled");
    agent.repeat(attempt);
    expect(agent.holds(attempt)).toBe(true);
    await world.clock.advance(5_000);
    expect(agent.holds(attempt)).toBe(false);
    expect(asked).toBe(0);
  });

  it("is left to its run, which the journal is not asked for, while that is being taken over", async () => {
    const { world, agent } = await takenUnheard();
    const { opened, open } = gate();
    let asked = 0;
    const loading = (journal: Journal): Journal =>
      changed(journal, {
        append: (append) => opened.then(() => journal.append(append)),
        has: (run) => journal.has(run).finally(() => asked++),
      });
    await world.startCoordinator(loading);
    await world.clock.advance(5_000);
    open();
    await world.clock.advance(5_000);
    expect(asked).toBe(0);
    expect(cancels(agent)).toEqual([]);
    expect((await world.view("r1")).status).toBe("running");
  });

  it("is ended when its run was given up, of which nobody is to know any more", async () => {
    const world = new CoordinatorWorld();
    const first = await world.startCoordinator();
    const agent = new SimulatedAgent(world, "one", () => undefined);
    await world.submit("r1", { a: {} });
    const [attempt] = agent.started;
    if (attempt === undefined) throw new Error("nothing was started");
    await world.call("cancel", { run: "r1" });
    agent.finish(attempt);
    await world.clock.advance(2_000);
    first.crash();
    const ended = recordedRun({ endedAt: world.clock.now() }).at(-1);
    world.appendRecord("r1", { ...ended, removed: true });
    agent.repeat(attempt);
    await world.startCoordinator();
    await world.clock.advance(5_000);
    expect(agent.holds(attempt)).toBe(false);
    expect(await world.call("runs", {})).toMatchObject({ ok: true, result: { total: 0 } });
  });
});
