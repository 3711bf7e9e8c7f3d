import { expect, test } from "vitest";
import { attemptKey } from "../../../agent/core/attempt-key.ts";
import * as holdings from "../../../agent/core/holdings.ts";
import { jobRequest } from "./request.ts";

const capacity = { slots: 2, cpu: 4, memoryBytes: 1000 };
const succeeded = holdings.withoutRun({ kind: "succeeded" });

function agent(engine: string | null = null): holdings.Holdings {
  return holdings.emptyHoldings(capacity, engine);
}

function launched(effects: readonly holdings.HoldingEffect[]): string[] {
  return effects.flatMap((effect) => (effect.kind === "launch" ? [effect.request.lease] : []));
}

function reported(held: holdings.Holdings, now = 0): string[] {
  return holdings.takeReport(held, now).map((item) => `${item.kind} ${item.lease}`);
}

test("launches as many as it has slots and starts the next when one ends", () => {
  const held = agent();
  const requests = [jobRequest(), jobRequest(), jobRequest()];
  const effects = requests.flatMap((request) => holdings.onStartOrdered(held, request, 0));
  expect(launched(effects)).toEqual(requests.slice(0, 2).map(({ lease }) => lease));
  expect(effects).toContainEqual({ kind: "accepted", request: requests[2] });
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
  expect(holdings.onStartOrdered(held, { ...request, lease: "another" }, 0)).toEqual([]);
});

test("cancels: what waits at once, what runs by ending it, what is unknown by an answer", () => {
  const held = agent();
  const [first, second, third] = [jobRequest(), jobRequest(), jobRequest()];
  for (const request of [first, second, third]) holdings.onStartOrdered(held, request, 0);
  reported(held);
  expect(holdings.onCancelOrdered(held, third, 0)).toEqual([]);
  expect(holdings.onCancelOrdered(held, first, 0)).toEqual([
    { kind: "end", key: attemptKey(first), cause: { kind: "cancelled" } },
  ]);
  holdings.onCancelOrdered(held, jobRequest({ lease: "unheard" }), 0);
  expect(reported(held)).toEqual([`finished ${third.lease}`, "finished unheard"]);
});

test("gives back what waits when it is recalled, and lets what runs go on", () => {
  const held = agent();
  const requests = [jobRequest(), jobRequest(), jobRequest()];
  for (const request of requests) holdings.onStartOrdered(held, request, 0);
  reported(held);
  for (const request of requests) expect(holdings.onRecallOrdered(held, request, 0)).toEqual([]);
  expect(reported(held)).toEqual([`returned ${requests[2]!.lease}`]);
});

test("draining gives back what waits and refuses what comes", () => {
  const held = agent();
  const requests = [jobRequest(), jobRequest(), jobRequest()];
  for (const request of requests) holdings.onStartOrdered(held, request, 0);
  reported(held);
  holdings.onModeChanged(held, "draining", 0);
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
  holdings.onTroubleChanged(held, "no room", 0);
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
});
