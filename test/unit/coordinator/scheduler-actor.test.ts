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
