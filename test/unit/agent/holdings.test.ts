import { expect, test } from "vitest";
import { attemptKey } from "../../../agent/core/attempt-key.ts";
import * as holdings from "../../../agent/core/holdings.ts";
import type { JobRequest } from "../../../shared/model/messages.ts";
import { jobRequest } from "./request.ts";

const capacity = { slots: 2, cpu: 4, memoryBytes: 1000 };
const succeeded = holdings.withoutRun({ kind: "succeeded" });

function agent(engine: string | null = null): holdings.Holdings {
  return holdings.emptyHoldings(capacity, engine);
}

function launched(effects: readonly holdings.HoldingEffect[]): string[] {
  return effects.flatMap((effect) => (effect.kind === "launch" ? [effect.request.lease] : []));
}

const withdrawn = (request: JobRequest) => ({ kind: "withdrawn", key: attemptKey(request) });

function reported(held: holdings.Holdings, now = 0): string[] {
  return holdings.takeReport(held, now).map((item) => `${item.kind} ${item.lease}`);
}

test("launches as many as it has slots and starts the next when one ends", () => {
  const held = agent();
  const requests = [jobRequest(), jobRequest(), jobRequest()];
  const effects = requests.flatMap((request) => holdings.onStartOrdered(held, request, 0));
  expect(launched(effects)).toEqual(requests.slice(0, 2).map(({ lease }) => lease));
  expect(effects.slice(2)).toEqual([{ kind: "accepted", request: requests[2] }]);
  expect(holdings.listHeld(held).map(({ phase }) => phase)).toEqual(["running", "running", "queued"]);
  expect(launched(holdings.onFinished(held, attemptKey(requests[0]!), succeeded, 1))).toEqual([
    requests[2]!.lease,
  ]);
  expect(reported(held, 1)).toEqual([
    ...requests.map(({ lease }) => `started ${lease}`),
    `finished ${requests[0]!.lease}`,
  ]);
});

test("frees the slot when the command ends, before its outputs are stored", () => {
  const held = agent();
  const [first, second, third] = [jobRequest(), jobRequest(), jobRequest()];
  for (const request of [first, second, third]) holdings.onStartOrdered(held, request, 0);
  expect(launched(holdings.onCommandEnded(held, attemptKey(first)))).toEqual([third.lease]);
  expect(holdings.listHeld(held).map(({ phase }) => phase)).toEqual(["running", "running", "running"]);
});

test("waits with further commands while too many attempts are being stored", () => {
  const held = agent();
  const requests = Array.from({ length: 7 }, () => jobRequest());
  for (const request of requests) holdings.onStartOrdered(held, request, 0);
  const started = requests
    .slice(0, 4)
    .flatMap((request) => launched(holdings.onCommandEnded(held, attemptKey(request))));
  expect(started).toEqual(requests.slice(2, 5).map(({ lease }) => lease));
  expect(launched(holdings.onFinished(held, attemptKey(requests[0]!), succeeded, 0))).toEqual([
    requests[5]!.lease,
  ]);
});

test("counts resources, and lets nothing overtake what waits for them", () => {
  const held = agent();
  const big = jobRequest({ spec: { resources: { cpu: 3 } } });
  const bigger = jobRequest({ spec: { resources: { cpu: 4 } } });
  const small = jobRequest({ spec: { resources: { cpu: 1 } } });
  const effects = [big, bigger, small].flatMap((request) => holdings.onStartOrdered(held, request, 0));
  expect(launched(effects)).toEqual([big.lease]);
  expect(launched(holdings.onFinished(held, attemptKey(big), succeeded, 0))).toEqual([bigger.lease]);
  expect(launched(holdings.onFinished(held, attemptKey(bigger), succeeded, 0))).toEqual([small.lease]);
});

test("gives all of its CPUs and memory to one after the other, and no more at a time", () => {
  const held = agent();
  const all = { cpu: 0.1, memoryBytes: 1000 };
  const some = { cpu: 0.2, memoryBytes: 1 };
  const requests = [all, some, all, { cpu: 4, memoryBytes: 1000 }].map((resources) =>
    jobRequest({ spec: { resources } }),
  );
  const effects = requests.flatMap((request) => holdings.onStartOrdered(held, request, 0));
  expect(launched(effects)).toEqual([requests[0]!.lease]);
  for (const [index, request] of requests.entries()) {
    const next = requests[index + 1];
    const freed = launched(holdings.onFinished(held, attemptKey(request), succeeded, 0));
    expect(freed).toEqual(next === undefined ? [] : [next.lease]);
  }
});

test.each([
  ["an image without an engine", { spec: { image: "gcc:14" } }, /no container engine/],
  ["more CPUs than it has", { spec: { resources: { cpu: 5 } } }, /5 CPUs of 4/],
  ["more memory than it has", { spec: { resources: { memoryBytes: 1001 } } }, /1001 B/],
])("refuses %s and says why", (_, fields, reason) => {
  const held = agent();
  expect(holdings.onStartOrdered(held, jobRequest(fields), 0)).toEqual([]);
  expect(holdings.takeReport(held, 0)).toMatchObject([
    { kind: "returned", reason: expect.stringMatching(reason) },
  ]);
  expect(holdings.listHeld(held)).toEqual([]);
});

test("refuses the same attempt under another lease, and ignores a repeated request", () => {
  const held = agent();
  const request = jobRequest();
  holdings.onStartOrdered(held, request, 0);
  expect(holdings.onStartOrdered(held, request, 0)).toEqual([]);
  holdings.onStartOrdered(held, { ...request, lease: "another" }, 0);
  expect(reported(held)).toEqual([`started ${request.lease}`, "returned another"]);
  // Even a refused one must not start when its request is repeated before the refusal is settled.
  holdings.onFinished(held, attemptKey(request), succeeded, 0);
  holdings.onSettleOrdered(held, request);
  expect(holdings.onStartOrdered(held, { ...request, lease: "another" }, 0)).toEqual([]);
  expect(launched(holdings.onStartOrdered(held, { ...request, lease: "third" }, 0))).toEqual(["third"]);
});

test("has the resources of what has ended, and not of what still runs", () => {
  const held = agent();
  const requests = [3, 1, 4, 4].map((cpu) => jobRequest({ spec: { resources: { cpu } } }));
  for (const request of requests) holdings.onStartOrdered(held, request, 0);
  const end = (index: number) =>
    launched(holdings.onFinished(held, attemptKey(requests[index]!), succeeded, 0));
  expect(end(0)).toEqual([]);
  expect(end(1)).toEqual([requests[2]!.lease]);
  const small = [3, 1, 3].map((cpu) => jobRequest({ spec: { resources: { cpu } } }));
  const other = agent();
  for (const request of small) holdings.onStartOrdered(other, request, 0);
  expect(launched(holdings.onFinished(other, attemptKey(small[0]!), succeeded, 0))).toEqual([
    small[2]!.lease,
  ]);
});

test("starts what takes all of it, and what needs the engine that it has; without slots nothing", () => {
  const all = { cpu: capacity.cpu, memoryBytes: capacity.memoryBytes };
  const request = jobRequest({ spec: { image: "gcc:14", resources: all } });
  expect(launched(holdings.onStartOrdered(agent("docker"), request, 0))).toEqual([request.lease]);
  const none = holdings.emptyHoldings({ ...capacity, slots: 0 }, null);
  holdings.onStartOrdered(none, jobRequest(), 0);
  expect(holdings.takeReport(none, 0)).toMatchObject([
    { kind: "returned", reason: "the agent has no slots" },
  ]);
});

test("cancels: what waits at once, what runs by ending it, what is unknown by an answer", () => {
  const held = agent();
  const [first, second, third] = [jobRequest(), jobRequest(), jobRequest()];
  for (const request of [first, second, third]) holdings.onStartOrdered(held, request, 0);
  reported(held);
  expect(holdings.onCancelOrdered(held, third, 0)).toEqual([withdrawn(third)]);
  expect(holdings.onCancelOrdered(held, first, 0)).toEqual([
    { kind: "end", key: attemptKey(first), cause: { kind: "cancelled" } },
  ]);
  holdings.onCancelOrdered(held, jobRequest({ lease: "unheard" }), 0);
  expect(reported(held)).toEqual([`finished ${third.lease}`, "finished unheard"]);
  expect(launched(holdings.onFinished(held, attemptKey(first), succeeded, 0))).toEqual([]);
});

test("forgets what is settled while it waits", () => {
  const held = agent();
  const requests = [jobRequest(), jobRequest(), jobRequest()];
  for (const request of requests) holdings.onStartOrdered(held, request, 0);
  reported(held);
  expect(holdings.onSettleOrdered(held, requests[2]!)).toEqual([withdrawn(requests[2]!)]);
  expect(holdings.listHeld(held)).toHaveLength(2);
  expect(launched(holdings.onFinished(held, attemptKey(requests[0]!), succeeded, 0))).toEqual([]);
  expect(reported(held)).toEqual([`finished ${requests[0]!.lease}`]);
});

test("takes the first end of an attempt, and none of one that has not begun", () => {
  const held = agent();
  const requests = [jobRequest(), jobRequest(), jobRequest()];
  for (const request of requests) holdings.onStartOrdered(held, request, 0);
  reported(held);
  const [first, , waiting] = requests.map(attemptKey);
  expect(holdings.onFinished(held, waiting!, succeeded, 0)).toEqual([]);
  expect(holdings.onNeverBegan(held, waiting!, 0)).toEqual([]);
  expect(reported(held)).toEqual([]);
  // Its files stay until its report is settled.
  expect(holdings.onFinished(held, first!, succeeded, 0)).toMatchObject([{ kind: "launch", key: waiting }]);
  expect(holdings.onFinished(held, first!, succeeded, 0)).toEqual([]);
  expect(held.collecting).toBe(0);
  expect(holdings.onFinished(held, "r/9/9/none", succeeded, 0)).toEqual([]);
  expect(holdings.listHeld(held).map(({ phase }) => phase)).toEqual(["finished", "running", "running"]);
});

test("says the last of its progress, with its beginning and that of others", () => {
  const held = agent();
  const requests = [jobRequest(), jobRequest(), jobRequest()];
  for (const request of requests) holdings.onStartOrdered(held, request, 0);
  const [first, second, waiting] = requests.map(attemptKey);
  holdings.onProgress(held, first!, { phase: "unpack", percent: null });
  holdings.onProgress(held, second!, { phase: "build", percent: 1 });
  holdings.onProgress(held, first!, { phase: "build", percent: 2 });
  holdings.onProgress(held, waiting!, { phase: "never", percent: null });
  expect(holdings.takeReport(held, 0)).toMatchObject([
    { kind: "started", lease: requests[0]!.lease },
    { kind: "started", lease: requests[1]!.lease },
    { kind: "progress", lease: requests[1]!.lease, phase: "build", percent: 1 },
    { kind: "progress", lease: requests[0]!.lease, phase: "build", percent: 2 },
  ]);
  expect(holdings.takeReport(held, 0)).toEqual([]);
});

test("ends all that runs when it stops at once, and gives back what waits", () => {
  const held = agent();
  const requests = [jobRequest(), jobRequest(), jobRequest(), jobRequest()];
  for (const request of requests) holdings.onStartOrdered(held, request, 0);
  holdings.onCommandEnded(held, attemptKey(requests[0]!));
  reported(held);
  expect(holdings.onStopNow(held, 0)).toMatchObject([
    withdrawn(requests[3]!),
    ...[requests[1]!, requests[2]!].map((request) => ({
      kind: "end",
      key: attemptKey(request),
      cause: { kind: "lost" },
    })),
  ]);
  expect(reported(held)).toEqual([`returned ${requests[3]!.lease}`]);
});

test("is idle when nothing runs, waits or is being stored", () => {
  const held = agent();
  const request = jobRequest();
  holdings.onStartOrdered(held, request, 0);
  expect(holdings.isIdle(held)).toBe(false);
  holdings.onCommandEnded(held, attemptKey(request));
  expect(holdings.isIdle(held)).toBe(false);
  holdings.onFinished(held, attemptKey(request), succeeded, 0);
  expect(holdings.isIdle(held)).toBe(true);
});

test("lets answers gather while there is more than a job for each slot, up to 64 of them", () => {
  const held = agent();
  const requests = Array.from({ length: 200 }, () => jobRequest());
  for (const request of requests.slice(0, 4)) holdings.onStartOrdered(held, request, 0);
  expect(holdings.mayGather(held)).toBe(false);
  for (const request of requests.slice(4)) holdings.onStartOrdered(held, request, 0);
  expect(holdings.mayGather(held)).toBe(true);
  const finish = (request: JobRequest) => holdings.onFinished(held, attemptKey(request), succeeded, 0);
  for (const request of requests.slice(0, 63)) finish(request);
  expect(holdings.mayGather(held)).toBe(true);
  finish(requests[63] as JobRequest);
  expect(holdings.mayGather(held)).toBe(false);
  reported(held);
  expect(holdings.mayGather(held)).toBe(true);
});

test("no answer waits when there are as many as jobs that wait", () => {
  const held = agent();
  const requests = Array.from({ length: 22 }, () => jobRequest());
  for (const request of requests) holdings.onStartOrdered(held, request, 0);
  const finish = (request: JobRequest) => holdings.onFinished(held, attemptKey(request), succeeded, 0);
  for (const request of requests.slice(0, 9)) finish(request);
  expect([held.queue.size, holdings.mayGather(held)]).toEqual([11, true]);
  finish(requests[9] as JobRequest);
  expect([held.queue.size, holdings.mayGather(held)]).toEqual([10, false]);
});

test("when held it keeps what waits, and refuses what comes", () => {
  const held = agent();
  const requests = [jobRequest(), jobRequest(), jobRequest()];
  for (const request of requests) holdings.onStartOrdered(held, request, 0);
  reported(held);
  holdings.onModeChanged(held, "held", 0);
  const late = jobRequest();
  holdings.onStartOrdered(held, late, 0);
  expect(reported(held)).toEqual([`returned ${late.lease}`]);
  expect(launched(holdings.onFinished(held, attemptKey(requests[0]!), succeeded, 0))).toEqual([
    requests[2]!.lease,
  ]);
});

test("gives back what waits when it is recalled, and lets what runs go on", () => {
  const held = agent();
  const requests = [jobRequest(), jobRequest(), jobRequest()];
  for (const request of requests) holdings.onStartOrdered(held, request, 0);
  reported(held);
  const effects = requests.map((request) => holdings.onRecallOrdered(held, request, 0));
  expect(effects).toEqual([[], [], [withdrawn(requests[2]!)]]);
  expect(reported(held)).toEqual([`returned ${requests[2]!.lease}`]);
});

test("draining gives back what waits and refuses what comes", () => {
  const held = agent();
  const requests = [jobRequest(), jobRequest(), jobRequest()];
  for (const request of requests) holdings.onStartOrdered(held, request, 0);
  reported(held);
  expect(holdings.onModeChanged(held, "draining", 0)).toEqual([withdrawn(requests[2]!)]);
  const late = jobRequest();
  holdings.onStartOrdered(held, late, 0);
  expect(reported(held)).toEqual([`returned ${requests[2]!.lease}`, `returned ${late.lease}`]);
  expect(holdings.isIdle(held)).toBe(false);
});

test("repeats a report, ever more slowly, until it is settled, and frees the files then", () => {
  const held = agent();
  const request = jobRequest();
  holdings.onStartOrdered(held, request, 0);
  holdings.onFinished(held, attemptKey(request), succeeded, 0);
  const finished = `finished ${request.lease}`;
  expect(reported(held, 0)).toEqual([`started ${request.lease}`, finished]);
  expect(reported(held, 999)).toEqual([]);
  expect(reported(held, 1000)).toEqual([finished]);
  expect(reported(held, 2999)).toEqual([]);
  expect(reported(held, 3000)).toEqual([finished]);
  expect(holdings.onSettleOrdered(held, request)).toEqual([{ kind: "free", key: attemptKey(request) }]);
  expect(reported(held, 100_000)).toEqual([]);
  expect(holdings.onSettleOrdered(held, request)).toEqual([]);
});

test("ends what is settled while it runs, and reports nothing of it", () => {
  const held = agent();
  const request = jobRequest();
  holdings.onStartOrdered(held, request, 0);
  reported(held);
  expect(holdings.onSettleOrdered(held, request)).toMatchObject([{ kind: "end" }]);
  expect(holdings.onFinished(held, attemptKey(request), succeeded, 0)).toEqual([
    { kind: "free", key: attemptKey(request) },
  ]);
  expect(reported(held)).toEqual([]);
  expect(holdings.isIdle(held)).toBe(true);
  expect(holdings.listHeld(held)).toEqual([]);
});

test("gives back what was taken over and turns out never to have begun, and its slot is free", () => {
  const held = agent();
  const [left, waiting] = [jobRequest(), jobRequest()];
  const needs = { cpu: 4, memoryBytes: 0 };
  holdings.onTakenOver(held, left, needs);
  holdings.onStartOrdered(held, { ...waiting, spec: { ...waiting.spec, resources: { cpu: 1 } } }, 0);
  const effects = holdings.onNeverBegan(held, attemptKey(left), 0);
  expect(effects[0]).toEqual({ kind: "free", key: attemptKey(left) });
  expect(launched(effects)).toEqual([waiting.lease]);
  expect(holdings.takeReport(held, 0)).toContainEqual(
    expect.objectContaining({ kind: "returned", lease: left.lease }),
  );
  expect(holdings.listHeld(held).map(({ lease }) => lease)).toEqual([waiting.lease]);
});

test("gives back nothing of what is not wanted any more", () => {
  const held = agent();
  const left = jobRequest();
  holdings.onTakenOver(held, left, { cpu: 0, memoryBytes: 0 });
  holdings.onSettleOrdered(held, left);
  expect(holdings.onNeverBegan(held, attemptKey(left), 0)).toEqual([{ kind: "free", key: attemptKey(left) }]);
  expect(holdings.takeReport(held, 0)).toEqual([]);
});

test("in trouble it is held, gives back what waits, refuses what comes, and goes on with what runs", () => {
  const held = agent();
  const requests = [jobRequest(), jobRequest(), jobRequest()];
  for (const request of requests) holdings.onStartOrdered(held, request, 0);
  holdings.takeReport(held, 0);
  expect(holdings.onTroubleChanged(held, "no room", 0)).toEqual([withdrawn(requests[2]!)]);
  const late = jobRequest();
  holdings.onStartOrdered(held, late, 0);
  expect(holdings.takeReport(held, 0)).toMatchObject([
    { kind: "returned", lease: requests[2]!.lease, reason: "no room" },
    { kind: "returned", lease: late.lease, reason: "no room" },
  ]);
  expect(holdings.presentMode(held)).toBe("held");
  expect(holdings.listHeld(held)).toHaveLength(2);
  holdings.onTroubleChanged(held, undefined, 0);
  expect(holdings.presentMode(held)).toBe("active");
  holdings.onModeChanged(held, "draining", 0);
  holdings.onTroubleChanged(held, "no room", 0);
  expect(holdings.presentMode(held)).toBe("draining");
});

test("answers for a job request that it can't read", () => {
  const held = agent();
  const request = jobRequest();
  holdings.onUnreadableStart(held, request, 0);
  expect(reported(held)).toEqual([`returned ${request.lease}`]);
  const known = jobRequest();
  holdings.onStartOrdered(held, known, 0);
  holdings.onUnreadableStart(held, known, 0);
  expect(reported(held)).toEqual([`started ${known.lease}`]);
});
