import { describe, expect, it } from "vitest";
import type { Append, EventLog, Journal } from "../../../coordinator/journal/journal.ts";
import type { ApiResult } from "../../../shared/model/api.ts";
import { MillraceError } from "../../../shared/model/error.ts";
import { changed } from "../../support/changed.ts";
import { CoordinatorWorld, SimulatedAgent, subjects } from "../../support/coordinator-world.ts";
import { type Sketch, succeeded } from "../../support/run-driver.ts";

const diamond: Sketch = { a: {}, b: { needs: ["a"] }, c: { needs: ["a"] }, d: { needs: ["b", "c"] } };
const MINUTE_MS = 60_000;

/** Stores that can be told to refuse, as those of a server that has lost its disk. */
class TroubledStores {
  appends: "taken" | "refused" | "taken, and called refused" | "unanswered" = "taken";
  refusesEvents = false;
  readonly tried: Append[] = [];

  readonly journal = (journal: Journal): Journal =>
    changed(journal, {
      append: async (append) => {
        this.tried.push(append);
        if (this.appends === "unanswered") await new Promise(() => undefined);
        if (this.appends === "refused") throw sealed();
        const result = await journal.append(append);
        if (this.appends !== "taken") throw sealed();
        return result;
      },
    });

  readonly events = (eventLog: EventLog): EventLog =>
    changed(eventLog, {
      store: (...store) => (this.refusesEvents ? Promise.reject(sealed()) : eventLog.store(...store)),
    });
}

function sealed(): MillraceError {
  return new MillraceError("unavailable", "the stream is sealed");
}

async function place() {
  const world = new CoordinatorWorld();
  const stores = new TroubledStores();
  const coordinator = await world.startCoordinator(stores.journal, stores.events);
  const troubles = async (): Promise<ApiResult<"status">["troubles"]> => {
    const reply = await world.call("status", {});
    return reply.ok ? (reply.result as ApiResult<"status">).troubles : [];
  };
  const names = (agent: SimulatedAgent): string[] => agent.started.map(({ spec }) => spec.name);
  return { world, stores, coordinator, troubles, names };
}

describe("a run goes on", () => {
  it("after its journal has refused every append for minutes, and nothing runs twice", async () => {
    const { world, stores, names } = await place();
    const agent = new SimulatedAgent(world, "one", () => undefined);
    await world.submit("r1", diamond);
    const [a] = agent.started;
    if (a === undefined) throw new Error("a was not started");
    stores.appends = "refused";
    agent.finish(a);
    await world.clock.advance(10 * MINUTE_MS);
    expect(names(agent)).toEqual(["a"]);
    const ids = new Set(stores.tried.slice(-10).map(({ batch, expectedSeq }) => `${batch} ${expectedSeq}`));
    expect(ids.size).toBe(1);
    stores.appends = "taken";
    for (let round = 0; round < 3; round++) {
      await world.clock.advance(MINUTE_MS);
      for (const request of agent.started) if (agent.holds(request)) agent.finish(request);
    }
    await world.clock.advance(5_000);
    expect((await world.view("r1")).status).toBe("succeeded");
    expect(names(agent).sort()).toEqual(["a", "b", "c", "d"]);
    expect(world.log.filter(({ message }) => message === "actor failed")).toEqual([]);
  });

  it("when appends were stored though they were called refused", async () => {
    const { world, stores, names } = await place();
    const agent = new SimulatedAgent(world, "one", () => undefined);
    await world.submit("r1", { a: {}, b: { needs: ["a"] } });
    const [a] = agent.started;
    if (a === undefined) throw new Error("a was not started");
    stores.appends = "taken, and called refused";
    agent.finish(a);
    await world.clock.advance(2 * MINUTE_MS);
    stores.appends = "taken";
    await world.clock.advance(MINUTE_MS);
    const [, b] = agent.started;
    if (b === undefined) throw new Error("b was not started");
    agent.finish(b);
    await world.clock.advance(5_000);
    expect((await world.view("r1")).status).toBe("succeeded");
    expect(names(agent)).toEqual(["a", "b"]);
    const batches = world.journalStream.recordsOf(subjects.journal("r1")).map(({ batch }) => batch);
    expect(new Set(batches).size).toBe(batches.length);
  });

  it("after its events could not be stored for minutes, and none is missing", async () => {
    const { world, stores } = await place();
    new SimulatedAgent(world, "one");
    stores.refusesEvents = true;
    await world.submit("r1", diamond);
    await world.clock.advance(10 * MINUTE_MS);
    expect(world.events("r1")).toEqual([]);
    stores.refusesEvents = false;
    await world.clock.advance(MINUTE_MS);
    expect((await world.view("r1")).status).toBe("succeeded");
    const events = world.events("r1");
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
    expect(events.at(-1)).toMatchObject({ type: "run.finished", status: "succeeded" });
    expect(world.log.filter(({ message }) => message === "actor failed")).toEqual([]);
  });

  it("under a leader that could not claim it for minutes", async () => {
    const { world, stores, coordinator, troubles } = await place();
    const agent = new SimulatedAgent(world, "one", () => undefined);
    await world.submit("r1", { a: {} });
    coordinator.crash();
    stores.appends = "refused";
    await world.startCoordinator(stores.journal, stores.events);
    await world.clock.advance(10 * MINUTE_MS);
    const listing = await world.call("runs", {});
    expect(listing).toMatchObject({ ok: false, code: "unavailable" });
    expect((await troubles()).map(({ code }) => code)).toContain("runs.waiting");
    stores.appends = "taken";
    await world.clock.advance(MINUTE_MS);
    for (const request of agent.started) if (agent.holds(request)) agent.finish(request);
    await world.clock.advance(5_000);
    expect((await world.view("r1")).status).toBe("succeeded");
    expect(agent.started).toHaveLength(1);
    expect(await troubles()).toEqual([]);
  });

  it("when it was submitted while the journal refused", async () => {
    const { world, stores } = await place();
    new SimulatedAgent(world, "one");
    stores.appends = "refused";
    const submitted = world.submit("r1", { a: {} });
    await world.clock.advance(20_000);
    stores.appends = "taken";
    await world.clock.advance(MINUTE_MS);
    expect(await submitted).toMatchObject({ ok: true, result: { run: "r1", repeated: false } });
    expect((await world.view("r1")).status).toBe("succeeded");
  });
});

describe("a run whose journal does not answer", () => {
  for (const trouble of ["refused", "unanswered"] as const) {
    it(`says why it waits when appends are ${trouble}, and refuses commands`, async () => {
      const { world, stores, troubles } = await place();
      const agent = new SimulatedAgent(world, "one", () => undefined);
      await world.submit("r1", diamond);
      const [a] = agent.started;
      if (a === undefined) throw new Error("a was not started");
      stores.appends = trouble;
      agent.finish(a);
      await world.clock.advance(10_000);
      const why = trouble === "refused" ? "the stream is sealed" : "the server does not answer";
      const [told] = await troubles();
      expect(told).toMatchObject({ code: "runs.waiting", message: expect.stringContaining(why) });
      expect(await world.view("r1")).toMatchObject({
        status: "running",
        reason: expect.stringContaining(why),
      });
      const listing = await world.call("runs", {});
      expect(listing).toMatchObject({
        ok: true,
        result: { runs: [{ run: "r1", reason: expect.stringContaining(why) }] },
      });
      for (const call of [
        world.call("explain", { run: "r1", job: "d" }),
        world.call("cancel", { run: "r1" }),
        world.call("priority", { run: "r1", priority: 1 }),
      ]) {
        expect(await call).toMatchObject({
          ok: false,
          code: "unavailable",
          message: expect.stringContaining(why),
        });
      }
    });
  }

  it("keeps each report once, however often it is repeated, and settles all of them afterwards", async () => {
    const { world, stores } = await place();
    const agent = new SimulatedAgent(world, "one", () => undefined);
    await world.submit("r1", { a: {}, b: {} });
    stores.appends = "refused";
    for (const request of agent.started) agent.finish(request, succeeded);
    const before = stores.tried.length;
    await world.clock.advance(30 * MINUTE_MS);
    expect(stores.tried.length - before).toBeLessThan(200);
    stores.appends = "taken";
    await world.clock.advance(MINUTE_MS);
    expect((await world.view("r1")).status).toBe("succeeded");
    expect(agent.started.some((request) => agent.holds(request))).toBe(false);
  });
});
