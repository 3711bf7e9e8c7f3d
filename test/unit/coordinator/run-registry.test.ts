/** The runs that a leader knows: how they come, how they end, and what is left of them. */
import { describe, expect, it, onTestFinished } from "vitest";
import { FleetActor } from "../../../coordinator/actors/fleet.ts";
import type { FleetMessage, SchedulerMessage } from "../../../coordinator/actors/messages.ts";
import { ReuseActor } from "../../../coordinator/actors/reuse.ts";
import type { ReuseMessage } from "../../../coordinator/actors/reuse-message.ts";
import { SchedulerActor } from "../../../coordinator/actors/scheduler.ts";
import type { Append, Journal } from "../../../coordinator/journal/journal.ts";
import type { Behaviour } from "../../../shared/actor/contract.ts";
import type { ActorSnapshot } from "../../../shared/actor/inspector.ts";
import type { ApiResult } from "../../../shared/model/api.ts";
import { gate } from "../../support/actor-world.ts";
import { changed } from "../../support/changed.ts";
import { CoordinatorWorld, SimulatedAgent, subjects } from "../../support/coordinator-world.ts";
import { type Sketch, succeeded } from "../../support/run-driver.ts";

const four: Sketch = { a: {}, b: {}, c: {}, d: {} };
const alone: Sketch = { a: {} };

/** A journal of which some appends wait, or fail as by a defect. */
const appending =
  (before: (append: Append) => Promise<void>) =>
  (journal: Journal): Journal =>
    changed(journal, { append: (append) => before(append).then(() => journal.append(append)) });

const holds = ({ payload }: Append, type: string): boolean => Buffer.from(payload).includes(type);

describe("a takeover", () => {
  it("gives nothing out before the last run is taken over: its leases may fill the agents", async () => {
    const world = new CoordinatorWorld();
    const first = await world.startCoordinator();
    const agent = new SimulatedAgent(world, "one", () => undefined);
    agent.wallMsOf = () => 60_000;
    await world.submit("full", four);
    await world.submit("waiting", four);
    await world.clock.advance(1_000);
    expect(agent.started.map(({ run }) => run)).toEqual(["full", "full", "full", "full"]);
    first.crash();
    const { opened, open } = gate();
    await world.startCoordinator(appending(async ({ run }) => (run === "full" ? opened : undefined)));
    await world.clock.advance(10_000);
    expect(agent.started).toHaveLength(4);
    // Nor is any list told that would lack it.
    let isListed = false;
    const listed = world.call("runs", {}).then((reply) => {
      isListed = true;
      return reply;
    });
    await world.clock.advance(5_000);
    expect(isListed).toBe(false);
    open();
    await world.clock.advance(1_000);
    expect(await listed).toMatchObject({ ok: true, result: { total: 2 } });
    expect(agent.started).toHaveLength(4);
    for (const request of agent.started.slice(0, 4)) agent.finish(request);
    await world.clock.advance(1_000);
    expect(agent.started).toHaveLength(8);
  });
});

describe("a takeover of a run", () => {
  it("ends what an agent holds of it without a lease, also when that was told before the run was taken over", async () => {
    const world = new CoordinatorWorld();
    const first = await world.startCoordinator();
    const agent = new SimulatedAgent(world, "one", ({ spec }) => (spec.name === "a" ? succeeded : undefined));
    await world.submit("r1", { a: {}, b: { needs: ["a"] }, c: { needs: ["b"], labels: [["rare", "yes"]] } });
    await world.clock.advance(2_000);
    const [a, b] = agent.started;
    if (a === undefined || b === undefined) throw new Error("not both were started");
    // The run has no lease there any more: nothing but this agent tells of it.
    agent.finish(b);
    await world.clock.advance(1_000);
    first.crash();
    agent.hold(a);
    const { opened, open } = gate();
    await world.startCoordinator(appending(() => opened));
    await world.clock.advance(3_000);
    agent.ordered.length = 0;
    open();
    await world.clock.advance(1_000);
    expect(agent.ordered).toContainEqual(expect.objectContaining({ kind: "cancel", lease: a.lease }));
  });

  it("is not built upon when its actor fails: the journal is read again", async () => {
    const world = new CoordinatorWorld();
    const first = await world.startCoordinator();
    const agent = new SimulatedAgent(world, "one", () => undefined);
    await world.submit("r1", { a: {}, b: { needs: ["a"] } });
    first.crash();
    let failures = 2;
    await world.startCoordinator(
      appending(async (append) => {
        if (!holds(append, "finished") || failures === 0) return;
        failures -= 1;
        throw new Error("code with a defect");
      }),
    );
    await world.clock.advance(5_000);
    for (let ended = 0; ended < 2; ended++) {
      const request = agent.started[ended];
      if (request === undefined) throw new Error("nothing was started");
      agent.finish(request);
      await world.clock.advance(10_000);
    }
    expect(failures).toBe(0);
    expect(await world.view("r1")).toMatchObject({ status: "succeeded" });
    const events = world.events("r1");
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
    expect(events.filter(({ type }) => type === "job.succeeded")).toHaveLength(2);
    expect(agent.started).toHaveLength(2);
  });
});

describe("a submission", () => {
  it("that comes again while it is being stored is answered when it is, and is one run", async () => {
    const world = new CoordinatorWorld();
    const { opened, open } = gate();
    await world.startCoordinator(appending(() => opened));
    new SimulatedAgent(world, "one");
    const answers: unknown[] = [];
    const submit = () => world.submit("r1", alone).then((answer) => answers.push(answer));
    const both = [submit(), submit()];
    await world.clock.advance(5_000);
    expect(answers).toEqual([]);
    open();
    await world.clock.advance(5_000);
    await Promise.all(both);
    expect(answers).toMatchObject([
      { ok: true, result: { run: "r1", jobs: 1 } },
      { ok: true, result: { run: "r1", jobs: 1 } },
    ]);
    expect(world.events("r1").filter(({ type }) => type === "run.submitted")).toHaveLength(1);
  });

  it.each(["lives", "has ended"])("of a run that %s begins nothing anew", async (how) => {
    const world = new CoordinatorWorld();
    const { system } = await world.startCoordinator();
    const agent = new SimulatedAgent(world, "one", () => (how === "lives" ? undefined : succeeded));
    await world.submit("r1", alone);
    await world.clock.advance(5_000);
    const { spawned } = system.counters;
    const again = await world.submit("r1", alone);
    expect(again).toMatchObject({ ok: true, result: { run: "r1", jobs: 1, repeated: true } });
    await world.clock.advance(5_000);
    expect(system.counters.spawned).toBe(spawned);
    expect(agent.started).toHaveLength(1);
  });
});

describe("a run that is being taken over", () => {
  it("is not begun anew when it is submitted again meanwhile", async () => {
    const world = new CoordinatorWorld();
    const first = await world.startCoordinator();
    const agent = new SimulatedAgent(world, "one");
    await world.submit("r1", { a: { labels: [["rare", "yes"]] } });
    first.crash();
    const { opened, open } = gate();
    const { system } = await world.startCoordinator(appending(() => opened));
    await world.clock.advance(1_000);
    const { spawned } = system.counters;
    expect(await world.submit("r1", alone)).toMatchObject({ ok: true, result: { repeated: true } });
    expect(system.counters.spawned).toBe(spawned);
    open();
    await world.clock.advance(5_000);
    expect(agent.started).toEqual([]);
  });
});

describe("a run that has ended", () => {
  it("is told to have ended by the next leader when its own could not any more", async () => {
    const world = new CoordinatorWorld();
    const isEnd = (event: object): boolean => "type" in event && event.type === "run.finished";
    const first = await world.startCoordinator(undefined, (eventLog) =>
      changed(eventLog, {
        store: (...store) => (store[2].some(isEnd) ? new Promise(() => {}) : eventLog.store(...store)),
      }),
    );
    new SimulatedAgent(world, "one");
    await world.submit("r1", alone);
    await world.clock.advance(5_000);
    expect(world.journalStream.recordsOf(subjects.journal("r1")).length).toBeGreaterThan(2);
    expect(world.events("r1").some(isEnd)).toBe(false);
    first.crash();
    await world.startCoordinator();
    await world.clock.advance(10_000);
    expect(world.events("r1").filter(isEnd)).toHaveLength(1);
    expect(await world.view("r1")).toMatchObject({ status: "succeeded" });
  });

  it("is listed once, and has no actor any more", async () => {
    const world = new CoordinatorWorld();
    const { system } = await world.startCoordinator();
    new SimulatedAgent(world, "one");
    await world.submit("r1", four);
    await world.clock.advance(10_000);
    const listed = await world.call("runs", {});
    expect(listed.ok && (listed.result as ApiResult<"runs">).runs).toMatchObject([
      { run: "r1", status: "succeeded" },
    ]);
    const paths = (actors: readonly ActorSnapshot[]): string[] =>
      actors.flatMap(({ path, children }) => [path, ...paths(children)]);
    expect(paths(system.tree()).filter((path) => path.includes("/run-"))).toEqual([]);
    const status = await world.call("status", {});
    expect(status.ok && (status.result as ApiResult<"status">).runs).toBe(0);
  });
});

describe("whoever keeps something of runs", () => {
  /** What is said to an actor of a run, from now on. */
  function heardOf<M extends { readonly kind: string }>(prototype: Behaviour<M>): M[] {
    const heard: M[] = [];
    const { receive } = prototype;
    prototype.receive = function (message, context) {
      heard.push(message);
      return receive.call(this, message, context);
    };
    onTestFinished(() => {
      prototype.receive = receive;
    });
    return heard;
  }

  it("hears of a run's end last, and need not keep it for ever", async () => {
    const all: { readonly kind: string; readonly run?: string }[][] = [
      heardOf<SchedulerMessage>(SchedulerActor.prototype),
      heardOf<FleetMessage>(FleetActor.prototype),
      heardOf<ReuseMessage>(ReuseActor.prototype),
    ];
    const world = new CoordinatorWorld();
    await world.startCoordinator();
    new SimulatedAgent(world, "one");
    await world.submit("r1", four);
    await world.clock.advance(10_000);
    expect(await world.view("r1")).toMatchObject({ status: "succeeded" });
    for (const heard of all) expect(heard.filter(({ run }) => run === "r1").at(-1)?.kind).toBe("runClosed");
  });
});

describe("a run whose actor fails for good", () => {
  it("before it is stored is refused, and may be submitted again", async () => {
    const world = new CoordinatorWorld();
    let isBroken = true;
    const breaking = async (append: Append): Promise<void> => {
      if (isBroken && holds(append, "submitted")) throw new Error("code with a defect");
    };
    await world.startCoordinator(appending(breaking));
    const refused = world.submit("r1", alone);
    await world.clock.advance(20_000);
    expect(await refused).toMatchObject({ ok: false, code: "internal" });
    expect(await world.call("run", { run: "r1" })).toMatchObject({ ok: false, code: "notFound" });
    isBroken = false;
    new SimulatedAgent(world, "one");
    expect(await world.submit("r1", alone)).toMatchObject({ ok: true, result: { repeated: false } });
    await world.clock.advance(5_000);
    expect(await world.view("r1")).toMatchObject({ status: "succeeded" });
  });

  it("and can't even be ended is listed as ended, and left to the next leader", async () => {
    const world = new CoordinatorWorld();
    let aborts = 0;
    const breaking = async (append: Append): Promise<void> => {
      if (holds(append, "aborted")) aborts += 1;
      if (append.expectedSeq > 0 && !holds(append, "claimed")) throw new Error("code with a defect");
    };
    const first = await world.startCoordinator(appending(breaking));
    const agent = new SimulatedAgent(world, "one", () => undefined);
    await world.submit("r1", alone);
    await world.clock.advance(120_000);
    expect(await world.view("r1").catch(() => undefined)).toBeDefined();
    const listed = await world.call("runs", {});
    expect(listed.ok && (listed.result as ApiResult<"runs">).runs).toMatchObject([
      { run: "r1", status: "infrastructure" },
    ]);
    expect(aborts).toBeLessThan(10);
    first.crash();
    await world.startCoordinator();
    await world.clock.advance(5_000);
    const [request] = agent.started;
    if (request === undefined) throw new Error("nothing was started");
    agent.finish(request);
    await world.clock.advance(5_000);
    expect(await world.view("r1")).toMatchObject({ status: "succeeded" });
  });
});
