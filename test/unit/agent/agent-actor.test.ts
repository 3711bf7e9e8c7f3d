import { expect, test } from "vitest";
import { attemptKey } from "../../../agent/core/attempt-key.ts";
import { withoutRun } from "../../../agent/core/holdings.ts";
import { recordOf } from "../../../agent/workspaces/attempt-record.ts";
import type { JobRequest, Order } from "../../../shared/model/messages.ts";
import { gate } from "../../support/actor-world.ts";
import { jobRequest } from "./request.ts";
import { command, place, settle, slowTools, startedAgent } from "./started-agent.ts";

test("says hello soon again, then less often, until a coordinator answers", async () => {
  const { world, heard, order } = await startedAgent({ isAlone: true });
  const hellos = () => heard.filter(({ kind }) => kind === "hello").length;
  // Whoever begins to listen waits for a quarter of what has passed, or until the next heartbeat.
  for (const passedMs of [100, 300, 900, 2_700, 8_100]) {
    await world.clock.advance(passedMs);
    heard.length = 0;
    await world.clock.advance(passedMs / 2);
    expect(hellos()).toBeGreaterThanOrEqual(1);
    expect(hellos()).toBeLessThan(6);
  }
  order();
  heard.length = 0;
  await world.clock.advance(10_000);
  expect(hellos()).toBe(0);
});

test.each([
  { requests: [], looked: 10, when: "with each heartbeat" },
  { requests: [jobRequest()], looked: 30, when: "with each heartbeat, and each second while it has work" },
])("looks $when whether it has room for jobs", async ({ requests, looked }) => {
  let looks = 0;
  const trouble = () => {
    looks += 1;
    return Promise.resolve(undefined);
  };
  const { world } = await startedAgent({ requests, tools: { trouble } });
  await world.clock.advance(500);
  looks = 0;
  await world.clock.advance(20_000);
  expect(looks).toBe(looked);
});

test("says what has only started once its time has come, whatever was said before", async () => {
  const { world, heard, order, agent } = await startedAgent({});
  const [first, second] = [jobRequest(), jobRequest()];
  const started = () => heard.filter(({ kind }) => kind === "report").flatMap((report) => report.items ?? []);
  order({ kind: "start", request: first });
  await world.clock.advance(12);
  agent.tell({ kind: "finished", key: attemptKey(first), ended: withoutRun({ kind: "succeeded" }) });
  order({ kind: "start", request: second });
  await world.clock.advance(1);
  expect(started()).toMatchObject([{ kind: "started" }, { kind: "finished" }]);
  // The timer of the first one comes, and is not for the second one.
  await world.clock.advance(12);
  expect(started()).toHaveLength(2);
  await world.clock.advance(10);
  expect(started()).toHaveLength(3);
});

test("says that it drains before it gives back what waits, or it would be given to it again", async () => {
  const { world, agent, heard } = await startedAgent({ requests: [jobRequest(), jobRequest()] });
  await world.clock.advance(100);
  heard.length = 0;
  agent.tell({ kind: "stop", mode: "drain" });
  await world.clock.advance(100);
  expect(heard).toMatchObject([
    { kind: "heartbeat", mode: "draining" },
    { kind: "report", items: [{ kind: "returned" }] },
  ]);
});

test.each([
  { isFoundRunning: false, outcome: { kind: "succeeded" } },
  { isFoundRunning: true, outcome: { kind: "timeout", limit: "run" } },
])("judges by its limits what it takes over and finds running: $isFoundRunning", async (given) => {
  const { isFoundRunning, outcome } = given;
  const record = recordOf(jobRequest({ spec: { timeouts: { runMs: 60_000 } } }), "b");
  const ended = gate();
  const usage = { wallMs: 1, cpuMs: null, peakMemoryBytes: null };
  const exit = ended.opened.then(() => ({ kind: "exited" as const, exitCode: 0, usage }));
  const signal = () => Promise.resolve();
  const execution = { exit, elapsedMs: 90_000, isFoundRunning, signal };
  const { world, heard } = await startedAgent({
    leftovers: [{ record, place }],
    tools: { adopt: () => Promise.resolve(execution) },
  });
  // What it ended with is still being read.
  await world.clock.advance(1_000);
  ended.open();
  await world.clock.advance(1_000);
  expect(heard).toContainEqual(
    expect.objectContaining({
      kind: "report",
      items: [
        expect.objectContaining({
          result: expect.objectContaining({ outcome: expect.objectContaining(outcome) }),
        }),
      ],
    }),
  );
});

test("fetches ahead for what waits, and no further for what will not start here", async () => {
  const [first, ...waiting] = [jobRequest(), jobRequest(), jobRequest(), jobRequest()];
  const fetched: string[] = [];
  let trouble: string | undefined;
  const { world, order } = await startedAgent({
    requests: [first, ...waiting],
    tools: {
      prefetch: ({ lease }) => fetched.push(`begin ${lease}`),
      endPrefetch: (key) => fetched.push(`end ${key.split("/").at(-1)}`),
      trouble: () => Promise.resolve(trouble),
    },
  });
  await world.clock.advance(100);
  expect(fetched).toEqual(waiting.map(({ lease }) => `begin ${lease}`));
  const [recalled, ...others] = waiting;
  if (recalled === undefined) throw new Error("nothing waits");
  const { run, job, attempt, lease } = recalled;
  order({ kind: "recall", run, job, attempt, lease });
  await world.clock.advance(100);
  expect(fetched.slice(3)).toEqual([`end ${lease}`]);
  trouble = "its disk is nearly full";
  await world.clock.advance(5_000);
  expect(fetched.slice(4)).toEqual(others.map((request) => `end ${request.lease}`));
});

test("ends the fetching of inputs with the attempt, and answers its cancel at once", async () => {
  const request = jobRequest({ inputs: [{ job: "before", digest: "0".repeat(64) }] });
  const { world, heard, order } = await startedAgent({
    requests: [request],
    tools: {
      fetch: (_request, _place, signal) =>
        new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
    },
  });
  await world.clock.advance(1_000);
  const { run, job, attempt, lease } = request;
  order({ kind: "cancel", run, job, attempt, lease, reason: "not wanted" });
  heard.length = 0;
  await world.clock.advance(100);
  expect(heard).toMatchObject([
    { kind: "report", items: [{ kind: "finished", lease, result: { outcome: { kind: "cancelled" } } }] },
  ]);
});

test("answers a question that comes again from memory, and does what it asks once", async () => {
  let answered = 0;
  const answer = () => Promise.resolve({ kind: "remove" as const, results: [], count: ++answered });
  const { world, heard, order } = await startedAgent({ tools: { answer } });
  const removal = { kind: "remove" as const, containers: ["c1"], others: false };
  const question = { kind: "ask" as const, id: "q1", question: removal };
  order(question);
  await world.clock.advance(10);
  order(question);
  await world.clock.advance(10);
  const answers = heard.filter(({ kind }) => kind === "answer");
  expect(answers).toMatchObject([{ id: "q1" }, { id: "q1" }]);
  expect(answered).toBe(1);
});

test("works on some questions at a time, on the others after them, and says why one fails", async () => {
  const fails = await startedAgent({ tools: { answer: () => Promise.reject(new Error("no such thing")) } });
  const ask = (id: string) => ({ kind: "ask" as const, id, question: { kind: "stats" as const } });
  fails.order(ask("q1"));
  await fails.world.clock.advance(10);
  expect(fails.heard).toMatchObject([
    { kind: "answer", answer: { kind: "refused", code: "internal", message: "no such thing" } },
  ]);
  const open: (() => void)[] = [];
  const answer = () => new Promise<{ kind: "ping" }>((done) => open.push(() => done({ kind: "ping" })));
  const slow = await startedAgent({ tools: { answer } });
  slow.order(...Array.from({ length: 17 }, (_, index) => ask(`q${index}`)));
  await slow.world.clock.advance(10);
  expect(open).toHaveLength(16);
  open[3]?.();
  await slow.world.clock.advance(10);
  expect(open).toHaveLength(17);
  open[16]?.();
  await slow.world.clock.advance(10);
  expect(slow.heard).toMatchObject([{ id: "q3" }, { id: "q16" }]);
});

test("ends and reports as lost what an attempt ran whose actor failed, and gives its slot to the next", async () => {
  const failing = jobRequest();
  const next = jobRequest();
  const swept: string[] = [];
  const launched: string[] = [];
  const { heard, world } = await startedAgent({
    requests: [failing, next],
    tools: {
      openLog: (record, ...rest) => {
        if (record.lease === failing.lease) throw new Error("a defect");
        return slowTools.openLog(record, ...rest);
      },
      launch: ({ lease }) => {
        launched.push(lease);
        return new Promise(() => {});
      },
      sweep: (key) => Promise.resolve(void swept.push(key)),
    },
  });
  await world.clock.advance(100);
  expect(swept).toEqual([expect.stringContaining(failing.lease)]);
  expect(launched).toEqual([next.lease]);
  expect(heard.flatMap(({ items = [] }) => items)).toContainEqual(
    expect.objectContaining({
      kind: "finished",
      lease: failing.lease,
      result: expect.objectContaining({ outcome: expect.objectContaining({ kind: "lost" }) }),
    }),
  );
});

test.each([
  { when: "its connection is back", isGreeted: true },
  { when: "a leader asks for a hello", isGreeted: true },
  { when: "a new leader has its first orders", isGreeted: false },
])("tells at once of all that is unsettled when $when", async ({ when, isGreeted }) => {
  const request = jobRequest();
  const { execution, succeed } = command({ obeys: true });
  const agent = await startedAgent({
    requests: [request],
    tools: { launch: () => Promise.resolve(execution) },
  });
  const { world, heard, node, send } = agent;
  await world.clock.advance(100);
  succeed();
  // By now it repeats the report only every half minute.
  await world.clock.advance(95_000);
  if (when === "its connection is back") {
    node.transport.disconnect();
    await world.clock.advance(10);
    node.transport.reconnect();
  } else if (isGreeted) send({ number: 0 });
  else send({ epoch: 2, number: 1 });
  heard.length = 0;
  await world.clock.advance(300);
  const report = expect.objectContaining({
    kind: "report",
    items: [expect.objectContaining({ kind: "finished" })],
  });
  expect(heard).toContainEqual(report);
  expect(heard.some(({ kind }) => kind === "hello")).toBe(isGreeted);
});

test("repeats a report until it is settled, and confirms orders when it has nothing else to say", async () => {
  const request = jobRequest();
  const { execution, succeed } = command({ obeys: true });
  const { world, heard, order } = await startedAgent({
    requests: [request],
    tools: { launch: () => Promise.resolve(execution), free: () => Promise.resolve() },
  });
  const told = () => heard.filter(({ items = [] }) => items.some(({ kind }) => kind === "finished")).length;
  await world.clock.advance(100);
  succeed();
  await world.clock.advance(10_000);
  expect(told()).toBeGreaterThan(2);
  order(settle(request));
  heard.length = 0;
  // Sooner than its next heartbeat.
  await world.clock.advance(300);
  expect(heard).toMatchObject([{ kind: "report", items: [], ordersSeen: 2 }]);
  await world.clock.advance(60_000);
  expect(told()).toBe(0);
});

test("gives back a job whose request it can't read, and says of orders that they could not be read", async () => {
  const { run, job, attempt, lease } = jobRequest();
  const { world, heard, order, node } = await startedAgent({});
  const unreadable = { kind: "start", request: { run, job, attempt, lease, spec: 5 } };
  order(unreadable as unknown as Order);
  await world.clock.advance(100);
  expect(heard).toMatchObject([{ kind: "report", items: [{ kind: "returned", lease }] }]);
  expect(node.deadLetters).toMatchObject([{ reason: "orders.order" }]);
  await world.clock.advance(2_000);
  expect(heard).toContainEqual(expect.objectContaining({ kind: "heartbeat", refused: [["order", 1]] }));
});

test("says nothing when it is told that another process has its name", async () => {
  const { world, heard, send } = await startedAgent({});
  await world.clock.advance(300);
  heard.length = 0;
  send({ number: 0, refused: "its name is in use" });
  await world.clock.advance(100);
  expect(heard).toEqual([]);
});

test("takes nothing while it is held, and what runs goes on", async () => {
  const [running, late] = [jobRequest(), jobRequest()];
  const { world, heard, order } = await startedAgent({ requests: [running] });
  await world.clock.advance(100);
  order({ kind: "mode", mode: "held" }, { kind: "start", request: late });
  heard.length = 0;
  await world.clock.advance(100);
  expect(heard).toMatchObject([
    { kind: "heartbeat", mode: "held" },
    { kind: "report", items: [{ kind: "returned", lease: late.lease }] },
  ]);
  await world.clock.advance(2_000);
  expect(heard).toContainEqual(
    expect.objectContaining({
      kind: "heartbeat",
      mode: "held",
      held: [expect.objectContaining({ lease: running.lease })],
    }),
  );
});

test("lets a job that is cancelled clean up for as long as its host gives it", async () => {
  const request = jobRequest();
  const { execution, signals } = command({ obeys: false });
  const { world, order } = await startedAgent({
    requests: [request],
    tools: { launch: () => Promise.resolve(execution), graceMs: 20_000 },
  });
  const { run, job, attempt, lease } = request;
  order({ kind: "cancel", run, job, attempt, lease, reason: "not wanted" });
  await world.clock.advance(19_000);
  expect(signals).toEqual(["TERM"]);
  await world.clock.advance(2_000);
  expect(signals).toEqual(["TERM", "KILL"]);
});

test("takes no job before it has looked, at its start, whether it has room", async () => {
  const { world, heard } = await startedAgent({
    requests: [jobRequest()],
    tools: { trouble: () => Promise.resolve("its disk is full") },
  });
  await world.clock.advance(100);
  expect(heard).toMatchObject([
    { kind: "report", items: [{ kind: "returned", reason: "its disk is full" }] },
  ]);
});

test("looks once at a time whether it has room: a disk in trouble may take long to answer", async () => {
  let looks = 0;
  const trouble = () => {
    looks += 1;
    return new Promise<never>(() => {});
  };
  const { world } = await startedAgent({ tools: { trouble } });
  await world.clock.advance(20_000);
  expect(looks).toBe(1);
});

test("gives back what waits while its host is in trouble, and takes jobs again afterwards", async () => {
  const [running, waiting, later] = [jobRequest(), jobRequest(), jobRequest()];
  let trouble: string | undefined;
  const { world, heard, order } = await startedAgent({
    requests: [running, waiting],
    tools: { trouble: () => Promise.resolve(trouble) },
  });
  await world.clock.advance(100);
  heard.length = 0;
  trouble = "its disk is full";
  await world.clock.advance(1_100);
  expect(heard).toMatchObject([
    { kind: "heartbeat", mode: "held", trouble, held: [{ lease: running.lease }] },
    { kind: "report", items: [{ kind: "returned", lease: waiting.lease, reason: trouble }] },
  ]);
  trouble = undefined;
  await world.clock.advance(1_000);
  heard.length = 0;
  order({ kind: "start", request: later });
  await world.clock.advance(2_000);
  expect(heard).toContainEqual(expect.objectContaining({ kind: "heartbeat", mode: "active" }));
  const returned = heard.flatMap(({ items = [] }) => items).filter(({ kind }) => kind === "returned");
  expect(returned.map(({ lease }) => lease)).not.toContain(later.lease);
});

test("gives no room to others that what it has taken over needs", async () => {
  const record = recordOf(jobRequest({ spec: { resources: { cpu: 1 } } }), "b");
  const launched: string[] = [];
  const big = jobRequest({ spec: { resources: { cpu: 1 } } });
  const small = jobRequest({ spec: { resources: {} } });
  const launch = ({ lease }: JobRequest) => {
    launched.push(lease);
    return new Promise<never>(() => {});
  };
  const full = await startedAgent({
    leftovers: [{ record, place }],
    requests: [big],
    slots: 2,
    tools: { launch },
  });
  await full.world.clock.advance(1_000);
  expect(launched).toEqual([]);
  const free = await startedAgent({
    leftovers: [{ record, place }],
    requests: [small],
    slots: 2,
    tools: { launch },
  });
  await free.world.clock.advance(1_000);
  expect(launched).toEqual([small.lease]);
});

test("beats as often as the coordinator says", async () => {
  const { world, heard, send } = await startedAgent({});
  send({ number: 2, heartbeatMs: 500 });
  await world.clock.advance(100);
  heard.length = 0;
  await world.clock.advance(5_000);
  expect(heard.filter(({ kind }) => kind === "heartbeat")).toHaveLength(10);
  heard.length = 0;
  for (let number = 3; number < 28; number++) {
    send({ number, heartbeatMs: 500 });
    await world.clock.advance(200);
  }
  // Orders that come more often than that do not delay them.
  expect(heard.filter(({ kind }) => kind === "heartbeat").length).toBeGreaterThan(8);
});

test("does not run again what it is ordered by a batch that comes once more, when it has forgotten all of it", async () => {
  const request = jobRequest();
  const launched: string[] = [];
  const { execution, succeed } = command({ obeys: true });
  const { world, order, send } = await startedAgent({
    requests: [request],
    tools: {
      launch: ({ lease }) => {
        launched.push(lease);
        return Promise.resolve(execution);
      },
      free: () => Promise.resolve(),
    },
  });
  await world.clock.advance(100);
  succeed();
  await world.clock.advance(100);
  order(settle(request));
  await world.clock.advance(100);
  send({ number: 1, orders: [{ kind: "start", request }] });
  await world.clock.advance(100);
  expect(launched).toEqual([request.lease]);
});

test("shows operators what it was ordered by a leader that is none any more, and does none of it", async () => {
  const request = jobRequest();
  const { world, heard, node, send } = await startedAgent({});
  send({ epoch: 2, number: 1 });
  await world.clock.advance(500);
  heard.length = 0;
  send({ epoch: 1, number: 2, orders: [{ kind: "start", request }] });
  await world.clock.advance(500);
  expect(node.deadLetters).toMatchObject([{ reason: "orders.oldEpoch" }]);
  expect(heard).toEqual([]);
  // Repeats, and gaps that repeats close, are nothing to be shown.
  send({ epoch: 2, number: 1 });
  send({ epoch: 2, number: 9 });
  await world.clock.advance(500);
  expect(node.deadLetters).toHaveLength(1);
});

test("starts the next job while the outputs of the last one are being stored", async () => {
  const [storing, next] = [jobRequest({ spec: { outputs: ["*"] } }), jobRequest()];
  const launched: string[] = [];
  const { execution, succeed } = command({ obeys: true });
  const { world } = await startedAgent({
    requests: [storing, next],
    tools: {
      launch: ({ lease }) => {
        launched.push(lease);
        return Promise.resolve(execution);
      },
    },
  });
  await world.clock.advance(100);
  expect(launched).toEqual([storing.lease]);
  succeed();
  await world.clock.advance(100);
  expect(launched).toEqual([storing.lease, next.lease]);
});

test("gives back what an earlier process of it wanted and nothing of which ever ran, and removes its files", async () => {
  const record = recordOf(jobRequest(), "b");
  const next = jobRequest();
  const launched: string[] = [];
  let freed = 0;
  const { opened, open } = gate();
  const exit = Promise.resolve({ kind: "neverBegan" as const });
  const neverBegan = { exit, signal: () => Promise.resolve() };
  const { world, heard } = await startedAgent({
    leftovers: [{ record, place }],
    requests: [next],
    tools: {
      adopt: () => opened.then(() => neverBegan),
      launch: ({ lease }) => {
        launched.push(lease);
        return new Promise(() => {});
      },
      free: async () => {
        freed += 1;
      },
    },
  });
  await world.clock.advance(100);
  expect(launched).toEqual([]);
  open();
  await world.clock.advance(1_000);
  expect(heard.flatMap(({ items = [] }) => items)).toContainEqual(
    expect.objectContaining({ kind: "returned", lease: record.lease }),
  );
  expect({ freed, launched }).toEqual({ freed: 1, launched: [next.lease] });
});
