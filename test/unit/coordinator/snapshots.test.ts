import { describe, expect, it } from "vitest";
import { CoordinatorWorld, SimulatedAgent, subjects } from "../../support/coordinator-world.ts";
import type { Sketch } from "../../support/run-driver.ts";

/** A chain of jobs, so that records come bit by bit. */
function chain(length: number): Sketch {
  return Object.fromEntries(
    Array.from({ length }, (_, index) => [`j${index}`, index === 0 ? {} : { needs: [`j${index - 1}`] }]),
  );
}

interface Pointer {
  readonly seq: number;
  readonly digest: string;
}

function pointersIn(world: CoordinatorWorld): Pointer[] {
  const stored = world.journalStream.recordsOf(subjects.snapshot("r1"));
  return stored.map(({ payload }) => JSON.parse(Buffer.from(payload).toString()));
}

describe("a run of many records", () => {
  it("has snapshots, each of an entry of its own, and keeps the last one only", async () => {
    const world = new CoordinatorWorld();
    await world.startCoordinator();
    new SimulatedAgent(world, "one");
    await world.submit("r1", chain(20));
    await world.clock.advance(20_000);
    expect((await world.view("r1")).status).toBe("succeeded");
    const pointers = pointersIn(world);
    expect(pointers.length).toBeGreaterThan(3);
    const entries = new Set(world.journalStream.recordsOf(subjects.journal("r1")).map(({ seq }) => seq));
    expect(pointers.filter(({ seq }) => !entries.has(seq))).toEqual([]);
    expect([...world.objects.stored.keys()]).toEqual([`snapshot/${pointers.at(-1)?.digest}`]);
  });

  it("goes on from its snapshot with the next leader, and starts no job again", async () => {
    const world = new CoordinatorWorld();
    const first = await world.startCoordinator();
    const agent = new SimulatedAgent(world, "one");
    await world.submit("r1", chain(40));
    await world.clock.runUntil(() => pointersIn(world).length >= 3);
    first.crash();
    await world.startCoordinator();
    await world.clock.advance(60_000);
    expect((await world.view("r1")).status).toBe("succeeded");
    expect(world.leftAside).toEqual([]);
    expect(agent.started.map(({ spec }) => spec.name)).toEqual(Object.keys(chain(40)));
    const events = world.events("r1");
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
  });

  it("ends as it should when its snapshots can't be stored", async () => {
    const world = new CoordinatorWorld();
    world.objects.put = () => Promise.reject(new Error("no room"));
    await world.startCoordinator();
    new SimulatedAgent(world, "one");
    await world.submit("r1", chain(20));
    await world.clock.advance(20_000);
    expect((await world.view("r1")).status).toBe("succeeded");
    expect(pointersIn(world)).toEqual([]);
    expect(world.log.filter(({ level }) => level === "error")).toEqual([]);
    expect(world.log.some(({ level }) => level === "warn")).toBe(true);
  });
});

describe("a run that a newer version has written", () => {
  it("is set aside: its journal stays as it is, and who asks is told what to do", async () => {
    const world = new CoordinatorWorld();
    const first = await world.startCoordinator();
    const agent = new SimulatedAgent(world, "one", () => undefined);
    await world.submit("r1", chain(2));
    await world.submit("r2", chain(1));
    first.crash();
    world.appendRecord("r1", { type: "teleported", at: 0, job: 0 });
    const before = world.journalStream.recordsOf(subjects.journal("r1")).length;
    await world.startCoordinator();
    const [held] = agent.started;
    if (held === undefined) throw new Error("nothing was started");
    agent.finish(held);
    await world.clock.advance(120_000);
    expect(world.journalStream.recordsOf(subjects.journal("r1"))).toHaveLength(before);
    const reply = await world.call("run", { run: "r1" });
    expect(reply).toMatchObject({ ok: false, code: "unsupported" });
    expect(JSON.stringify(reply)).toContain("teleported");
    expect(JSON.stringify(reply)).toContain("newer version");
    expect(agent.holds(held)).toBe(true);
    expect((await world.view("r2")).status).toBe("running");
    expect(await world.call("cancel", { run: "r2" })).toMatchObject({ ok: true });
  });
});
