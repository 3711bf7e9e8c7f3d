import { expect, it } from "vitest";
import type {
  CoordinatorMessage,
  RunMessage,
  SchedulerMessage,
} from "../../../coordinator/actors/messages.ts";
import { SchedulerActor } from "../../../coordinator/actors/scheduler.ts";
import type { Offer, Requirement } from "../../../coordinator/core/requirement.ts";
import { Scheduler } from "../../../coordinator/core/scheduler.ts";
import type { ActorRef, Behaviour } from "../../../shared/actor/contract.ts";
import { ActorWorld } from "../../support/actor-world.ts";

const requirement: Requirement = {
  pool: "",
  labels: [],
  needsEngine: false,
  abilities: [],
  cpu: 0,
  memoryBytes: 0,
  avoids: [],
};
const offer: Offer = {
  name: "a",
  incarnation: "a-1",
  capacity: { slots: 1, cpu: 1, memoryBytes: 1 },
  labels: new Map(),
  pool: "",
  hasEngine: false,
  abilities: [],
  mode: "active",
};

/** Keeps what it is told. */
function listener<M>(heard: M[]): Behaviour<M> {
  return {
    receive: (message) => {
      heard.push(message);
    },
  };
}

it("grants nothing before all leases have taken their places", async () => {
  const world = new ActorWorld();
  const { system } = world.node("c", { serialiseLocal: false });
  const told: RunMessage[] = [];
  const coordinator = system.spawn<CoordinatorMessage>("coordinator", () => listener([]));
  const ref: ActorRef<RunMessage> = system.spawn<RunMessage>("run", () => listener(told));
  const actor = system.spawn<SchedulerMessage>(
    "scheduler",
    () => new SchedulerActor({ scheduler: new Scheduler({ backlogPerSlot: 0 }), coordinator, graceMs: 0 }),
  );
  const grants = () => told.flatMap((message) => (message.kind === "granted" ? message.grants : []));
  actor.tell({ kind: "offer", offer });
  actor.tell({ kind: "runOpened", run: "r", ref, order: 1, priority: 500, isImpatient: false });
  actor.tell({ kind: "request", run: "r", entry: { job: 0, priority: 500, rank: 1 }, requirement });
  await world.clock.advance(1_000);
  expect(grants()).toEqual([]);
  actor.tell({ kind: "adopt", run: "r", job: 1, agent: "a", requirement });
  actor.tell({ kind: "recovered" });
  await world.clock.advance(1_000);
  expect(grants()).toEqual([]);
  actor.tell({ kind: "release", run: "r", job: 1, ranMs: 5 });
  await world.clock.advance(1_000);
  expect(grants()).toMatchObject([{ job: 0, agent: "a" }]);
});

/** A scheduler whose leases are all adopted, a run that it knows, and what that is told. */
async function scheduling() {
  const world = new ActorWorld();
  const { system } = world.node("c", { serialiseLocal: false });
  const told: RunMessage[] = [];
  const coordinator = system.spawn<CoordinatorMessage>("coordinator", () => listener([]));
  const ref: ActorRef<RunMessage> = system.spawn<RunMessage>("run", () => listener(told));
  const scheduler = new Scheduler({ backlogPerSlot: 1 });
  const actor = system.spawn<SchedulerMessage>(
    "scheduler",
    () => new SchedulerActor({ scheduler, coordinator, graceMs: 1_000 }),
  );
  const opened = { kind: "runOpened", run: "r", ref, order: 1, priority: 500, isImpatient: false } as const;
  actor.tell(opened);
  actor.tell({ kind: "recovered" });
  /** Tells the scheduler these, and says what the run is told of it soon after. */
  const after = async (...messages: SchedulerMessage[]): Promise<string[]> => {
    told.length = 0;
    for (const message of messages) actor.tell(message);
    await world.clock.advance(2_000);
    return told.map(({ kind }) => kind);
  };
  return { world, told, after, opened, actor };
}

const request = (job = 0): SchedulerMessage => {
  return { kind: "request", run: "r", entry: { job, priority: 500, rank: 1 }, requirement };
};
const released = (job = 0): SchedulerMessage => ({ kind: "release", run: "r", job, ranMs: null });
const gone: SchedulerMessage = { kind: "agentGone", agent: "a" };

it("says of a job once that nobody can run it, not before agents had time to come, and says why", async () => {
  const { world, actor, told, after } = await scheduling();
  actor.tell(request());
  await world.clock.advance(900);
  expect(told).toEqual([]);
  await world.clock.advance(200);
  expect(told).toEqual([{ kind: "stranded", jobs: [0], reason: "no agent can run it: none is registered" }]);
  expect(await after(request())).toEqual([]);
  expect(await after(request(1))).toEqual(["stranded"]);
  expect(told).toMatchObject([{ jobs: [1] }]);
});

it.each<[string, SchedulerMessage[]]>([
  ["it was placed", [{ kind: "offer", offer }, gone, released()]],
  ["it was withdrawn", [{ kind: "withdraw", run: "r", job: 0 }]],
  ["all of its run were withdrawn", [{ kind: "withdrawAll", run: "r" }]],
])("says again of a job that nobody can run it when it asks again after %s", async (_, between) => {
  const { after } = await scheduling();
  expect(await after(request())).toEqual(["stranded"]);
  for (const message of between) await after(message);
  expect(await after(request())).toEqual(["stranded"]);
});

it("tells a run that begins anew of its jobs as if nothing had been told before", async () => {
  const { after, opened } = await scheduling();
  expect(await after(request())).toEqual(["stranded"]);
  expect(await after({ kind: "runClosed", run: "r" }, opened, request())).toEqual(["stranded"]);
});

it("takes what a closed run was granted for free, and asks nothing of it any more", async () => {
  const { after, opened } = await scheduling();
  await after({ kind: "offer", offer });
  expect(await after(request(0), request(1), request(2))).toEqual(["granted"]);
  expect(await after({ kind: "runClosed", run: "r" })).toEqual([]);
  expect(await after(opened, request(3), request(4))).toEqual(["granted"]);
});

it("grants nothing on an agent that is gone, and has back the places there one by one", async () => {
  const { told, after } = await scheduling();
  await after({ kind: "offer", offer });
  expect(await after(request(0))).toEqual(["granted"]);
  expect(await after(gone, request(1))).not.toContain("granted");
  await after({ kind: "offer", offer });
  expect(await after(request(2))).toEqual([]);
  expect(await after(released(0))).toEqual(["granted"]);
  expect(told).toMatchObject([{ grants: [{ job: 2 }] }]);
});

it("recalls what waits on an agent when another one comes that is free", async () => {
  const { told, after } = await scheduling();
  await after({ kind: "offer", offer });
  await after(request(0), request(1));
  expect(await after({ kind: "offer", offer: { ...offer, name: "b" } })).toEqual(["recalled"]);
  expect(told).toMatchObject([{ recalls: [{ job: 1, agent: "a" }] }]);
});

it("grants nothing while it is paused, and goes on afterwards", async () => {
  const { after } = await scheduling();
  await after({ kind: "paused", reason: "JetStream is full" }, { kind: "offer", offer });
  expect(await after(request(0))).toEqual([]);
  expect(await after({ kind: "paused", reason: null })).toEqual(["granted"]);
});

it("tells a run of the next offer when it waits for one, once", async () => {
  const { after } = await scheduling();
  expect(await after({ kind: "offer", offer })).toEqual([]);
  await after({ kind: "awaitsOffer", run: "r" });
  expect(await after({ kind: "offer", offer })).toEqual(["offered"]);
  expect(await after({ kind: "offer", offer })).toEqual([]);
});

it("tells a run of no offer after its end, nor one that begins anew of an offer that the one before waited for", async () => {
  const { after, opened } = await scheduling();
  await after({ kind: "runClosed", run: "r" }, { kind: "awaitsOffer", run: "r" });
  expect(await after({ kind: "offer", offer })).toEqual([]);
  await after(opened, { kind: "awaitsOffer", run: "r" });
  await after({ kind: "runClosed", run: "r" }, opened);
  expect(await after({ kind: "offer", offer })).toEqual([]);
});
