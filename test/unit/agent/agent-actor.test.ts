import { expect, test } from "vitest";
import { AgentActor, type AgentMessage } from "../../../agent/actors/agent-actor.ts";
import type { AttemptTools } from "../../../agent/actors/attempt-tools.ts";
import { recordOf } from "../../../agent/workspaces/attempt-record.ts";
import { placeOf } from "../../../agent/workspaces/place.ts";
import type { Leftover } from "../../../agent/workspaces/workspaces.ts";
import { MessageCodec } from "../../../shared/actor/message-codec.ts";
import { Subjects } from "../../../shared/bus/subjects.ts";
import type { JobRequest, Order } from "../../../shared/model/messages.ts";
import { ActorWorld, gate } from "../../support/actor-world.ts";
import { jobRequest } from "./request.ts";

const subjects = new Subjects("test");
const codec = new MessageCodec();
const never = () => new Promise<never>(() => {});
const place = placeOf("", "", 1);

/** A host on which everything takes for ever. */
const slowTools: AttemptTools = {
  workspaces: { boot: "b", recordsId: "r", take: () => place, launching: () => {}, ending: () => {} },
  artifacts: { upload: never },
  graceMs: 1_000,
  hostIdentity: "debian 12 x86_64",
  answer: never,
  openLog: () => ({
    size: () => 0,
    isWhole: true,
    marks: undefined,
    close: () => 0,
    ship: never,
    stored: never,
  }),
  trouble: never,
  isDiskFull: () => false,
  prefetch: () => {},
  fetch: never,
  launch: never,
  adopt: never,
  sweep: never,
  free: never,
};

interface Given {
  /** No coordinator answers. */
  readonly isAlone?: boolean;
  readonly requests?: readonly JobRequest[];
  readonly leftovers?: readonly Leftover[];
  readonly tools?: Partial<AttemptTools>;
}

/** An agent with one slot that has been ordered to start these; what it says from then on. */
async function startedAgent({ isAlone = false, requests = [], leftovers = [], tools = {} }: Given) {
  const world = new ActorWorld();
  const coordinator = world.network.connect("coordinator");
  const heard: { readonly kind: string }[] = [];
  let incarnation = "";
  coordinator.subscribe(subjects.fromAgentAll(), (payload, subject) => {
    const body = codec.decode(payload) as { incarnation: string };
    incarnation = body.incarnation;
    heard.push({ ...body, kind: subject.split(".").at(-1) ?? "" });
  });
  const agent = world.node("agent").system.spawn<AgentMessage>(
    "agent",
    () =>
      new AgentActor({
        identity: {
          name: "a",
          capacity: { slots: 1, cpu: 1, memoryBytes: 1 },
          labels: [],
          pool: "",
          host: { hostname: "h", platform: "linux", arch: "x64", pid: 1 },
          abilities: [],
          versions: { millrace: "0", node: "20", engine: null },
        },
        subjects,
        codec,
        tools: { ...slowTools, ...tools },
        leftovers,
        heartbeatMs: 2_000,
        readLoad: () => ({ load1: 0, freeMemoryBytes: 0 }),
        onStopped: () => {},
      }),
  );
  await world.clock.advance(100);
  heard.length = 0;
  let number = 0;
  const order = (...orders: Order[]) => {
    number += 1;
    const batch = { v: 1, epoch: 1, incarnation, number, heartbeatMs: 2_000, orders };
    coordinator.publish(subjects.toAgent("a"), codec.encode(batch));
  };
  if (!isAlone) order(...requests.map((request) => ({ kind: "start" as const, request })));
  return { world, agent, heard, order };
}

test("says hello soon again, then less often, until a coordinator answers", async () => {
  const { world, heard, order } = await startedAgent({ isAlone: true });
  const hellos = () => heard.filter(({ kind }) => kind === "hello").length;
  await world.clock.advance(1_000);
  expect(hellos()).toBe(2);
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
