import { describe, expect, it } from "vitest";
import type { FleetMessage, Reply, RunMessage } from "../../../coordinator/actors/messages.ts";
import { type Consequence, Consequences } from "../../../coordinator/actors/run-consequences.ts";
import { RunEvents } from "../../../coordinator/actors/run-events.ts";
import type { RunJobs } from "../../../coordinator/actors/run-jobs.ts";
import { RunPatience } from "../../../coordinator/actors/run-patience.ts";
import { RunReuse } from "../../../coordinator/actors/run-reuse.ts";
import type { RunSurroundings } from "../../../coordinator/actors/run-surroundings.ts";
import type { Change } from "../../../coordinator/core/change.ts";
import { jobRequest } from "../../../coordinator/core/job-request.ts";
import { onAttemptLost } from "../../../coordinator/core/run-decide.ts";
import { jobAt, liveAttempt } from "../../../coordinator/core/run-state.ts";
import type { ActorRef, Context } from "../../../shared/actor/contract.ts";
import type { RunEvent } from "../../../shared/model/event.ts";
import { RunDriver } from "../../support/run-driver.ts";

/** The consequences of a run with one job that an agent was given, and what they tell the fleet. */
function place() {
  const run = new RunDriver({ a: {} });
  run.grant("a");
  const attempt = liveAttempt(jobAt(run.state, 0));
  if (attempt === undefined) throw new Error("it was not given to an agent");
  const request = { ...jobRequest(run.state, 0, attempt), inputList: "0".repeat(64) };
  const told: FleetMessage[] = [];
  const fleet: Partial<ActorRef<FleetMessage>> = { tell: (message) => void told.push(message) };
  const scheduler: Partial<RunSurroundings["scheduler"]> = { tell: () => undefined };
  const surroundings = { fleet, scheduler } as RunSurroundings;
  const self: Partial<ActorRef<RunMessage>> = { tell: () => undefined };
  const context: Partial<Context<RunMessage>> = { self: self as ActorRef<RunMessage> };
  const nothing = (): void => undefined;
  const jobs: Partial<RunJobs> = { recheck: nothing, onPrioritised: nothing, forgetLooking: nothing };
  const steps: string[] = [];
  const events: Partial<RunEvents> = {
    add: (some) => void steps.push(`events ${some[0]?.seq} to ${some.at(-1)?.seq}`),
    store: () => void steps.push("stored"),
    isIdle: true,
  };
  const reuse = new RunReuse(run.state, surroundings, context as Context<RunMessage>);
  const parts = { jobs: jobs as RunJobs, events: events as RunEvents, patience: new RunPatience(), reuse };
  const consequences = new Consequences(run.state, surroundings, parts, context as Context<RunMessage>);
  return { run, attempt, request, told, steps, consequences };
}

describe("what follows from a record", () => {
  it("is the start of a job once the list of its many inputs is stored", () => {
    const { attempt, request, told, consequences } = place();
    consequences.onInputsStored("host", request);
    const { incarnation } = attempt;
    expect(told).toEqual([
      { kind: "orders", agent: "host", incarnation, orders: [{ kind: "start", request }] },
    ]);
  });

  it("is no start when the attempt was over before the list was stored", () => {
    const { run, request, told, consequences } = place();
    run.record(onAttemptLost(run.state, 0, "the host is gone", run.now, 0));
    consequences.onInputsStored("host", request);
    run.grant("a", "other");
    consequences.onInputsStored("host", request);
    expect(told).toEqual([]);
  });

  it("is the end of what runs once a hold is stored, and not before", () => {
    const { run, told, consequences } = place();
    run.record([{ type: "prioritised", at: run.now, job: null, priority: 20 }]);
    run.record([{ type: "prioritised", at: run.now, job: null, priority: 0 }]);
    const stored = (change: Change): void =>
      consequences.carryOut([{ kind: "changes", changes: [change], at: run.now, firstSeq: 1 }]);
    stored({ kind: "prioritised", priority: 20 });
    stored({ kind: "jobPrioritised", job: 0, priority: 20 });
    expect(told).toEqual([]);
    stored({ kind: "prioritised", priority: 0 });
    expect(told).toMatchObject([{ kind: "orders", orders: [{ kind: "cancel", attempt: 1 }] }]);
  });

  it("is carried out in slices, events before what they entail, while a reply waits for none of it", () => {
    const { run, told, steps, consequences } = place();
    const count = 10_000;
    const changes = Array.from({ length: count }, (): Change => ({ kind: "stranded", job: 0, reason: "" }));
    const replyTo: Partial<ActorRef<Reply>> = { tell: () => void steps.push("reply") };
    consequences.carryOut([
      { kind: "changes", changes, at: run.now, firstSeq: 1 },
      { kind: "orders", agent: "host", orders: [] },
      { kind: "reply", replyTo: replyTo as ActorRef<Reply>, reply: { ok: true, result: null } },
    ]);
    expect(steps.slice(0, 3)).toEqual(["reply", "events 1 to 500", "stored"]);
    while (!consequences.isIdle) consequences.carryOn();
    expect(steps.filter((step) => step.startsWith("events"))).toHaveLength(count / 500);
    expect(steps.filter((step) => step !== "stored").at(-1)).toBe(`events ${count - 499} to ${count}`);
    expect(told).toEqual([]);
  });

  it("is one message of events for all that one entry has", () => {
    const { run, steps, consequences } = place();
    const changed = (firstSeq: number): Consequence => {
      return { kind: "changes", changes: [{ kind: "stranded", job: 0, reason: "" }], at: run.now, firstSeq };
    };
    consequences.carryOut([changed(1), changed(2)]);
    expect(steps).toEqual(["events 1 to 1", "events 2 to 2", "stored"]);
  });

  it("may be more events than a call takes arguments", async () => {
    const stored: number[] = [];
    const eventLog: Partial<RunSurroundings["eventLog"]> = {
      store: (_run, firstSeq) => Promise.resolve(void stored.push(firstSeq)),
    };
    const context: Partial<Context<RunMessage>> = {
      pipe: () => undefined,
      now: () => 0,
      monotonicMs: () => 0,
    };
    const surroundings = { eventLog } as Partial<RunSurroundings> as RunSurroundings;
    const events = new RunEvents("r1", surroundings, new RunPatience(), context as Context<RunMessage>);
    const many = Array.from({ length: 300_000 }, (_, index) => ({ seq: index + 1 }) as RunEvent);
    events.add(many, { isLive: false });
    events.store();
    while (!events.isIdle) events.onStored();
    expect(stored.at(-1)).toBe(299_001);
  });
});
