import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startCoordinator } from "../../../coordinator/coordinator.ts";
import { MessageCodec } from "../../../shared/actor/message-codec.ts";
import { type Bus, connectBus } from "../../../shared/bus/connection.ts";
import { callApi } from "../../../shared/bus/request.ts";
import { type Client, connect, type DeadLetter } from "../../../shared/client/index.ts";
import { verbs } from "../../../shared/model/api.ts";
import type { JobRequest } from "../../../shared/model/messages.ts";
import { startNatsServer, type TestServer } from "../../support/nats-server.ts";
import { jobsOf, resultOf, succeeded } from "../../support/run-driver.ts";
import { ScriptedAgent } from "../../support/scripted-agent.ts";
import { silentLog } from "../../support/silent-log.ts";
import { waitUntil } from "../../support/wait-until.ts";

const namespace = "bad";
const codec = new MessageCodec();
const timeoutMs = 5_000;
let server: TestServer;

beforeAll(async () => {
  server = await startNatsServer();
});
afterAll(() => server.stop());

const garbage: Uint8Array[] = [
  new Uint8Array(),
  Uint8Array.of(0xc1),
  Uint8Array.of(0xdd, 0x01, 0xc9, 0xc3, 0x80, 0xdd, 0x01, 0xc9, 0xc3, 0x80),
  new Uint8Array(1000 * 1024).fill(0x91),
  Buffer.from("[".repeat(500_000)),
  Buffer.from('{"__proto__":{"v":1},"constructor":1}'),
  codec.encode(null),
  codec.encode({ v: 1, agent: "scripted", incarnation: "scripted-1", epoch: 1, ordersSeen: 1e300 }),
  codec.encode({ v: 2, agent: "scripted", incarnation: "scripted-1" }),
];

async function publishEverywhere(bus: Bus, run: string, node: string): Promise<void> {
  const { subjects, connection } = bus;
  const targets = [
    ...["hello", "heartbeat", "report", "bye", "nonsense"].flatMap((kind) => [
      `${subjects.root}._.from.scripted.${kind}`,
      `${subjects.root}._.from.%ZZ.${kind}`,
    ]),
    ...jobNames.map((job) => subjects.dependency(run, job)),
    ...verbs.map((verb) => subjects.api(verb)),
    ...["/$node", "/election", "/archive", "/coordinator", "/no/such/actor", "/$other"].map(
      (path) => `${subjects.actors()}.${node}${path.replaceAll("/", ".")}`,
    ),
    `${subjects.root}._.echo.anybody`,
    subjects.deadLetters(),
  ];
  for (const target of targets) for (const bytes of garbage) connection.publish(target, bytes);
  await connection.flush();
}

const jobNames = ["a", "b", "c", "d"];

/** The names of the nodes that listen, as anybody with the right to read can see them. */
async function nodeOf(bus: Bus): Promise<string> {
  const last = await bus.manager.streams.getMessage(bus.subjects.journalStream(), {
    last_by_subj: bus.subjects.leader(),
  });
  return (last.json() as { node: string }).node;
}

describe("a coordinator that is sent garbage on every subject", () => {
  let bus: Bus;
  let client: Client;

  beforeAll(async () => {
    bus = await connectBus({ server: server.url, namespace, name: "test" });
    client = await connect({ server: server.url, namespace });
  });
  afterAll(async () => {
    await client.close();
    await bus.close();
  });

  it("ends its runs right, counts what it refuses, and shows it to operators", async () => {
    const settings = { server: server.url, namespace, log: silentLog, heartbeatMs: 200, lostAfterMs: 5_000 };
    const coordinator = await startCoordinator(settings);
    const letters: DeadLetter[] = [];
    const following = new AbortController();
    const follow = (async () => {
      for await (const letter of client.deadLetters({ signal: following.signal })) letters.push(letter);
    })();
    const running: JobRequest[] = [];
    const agent = new ScriptedAgent(bus, {
      outcome: (request) => {
        running.push(request);
        return undefined;
      },
    });
    const sketch = { a: {}, b: { needs: ["a"] }, c: { needs: ["a"] }, d: { needs: ["b", "c"] } };
    await callApi(bus, "submit", { run: "r", graph: { inline: { jobs: jobsOf(sketch) } } }, { timeoutMs });
    const node = await nodeOf(bus);
    for (let ended = 0; ended < jobNames.length; ended++) {
      await waitUntil("a job runs", () => running.length > ended, { timeoutMs: 40_000 });
      await publishEverywhere(bus, "r", node);
      const request = running[ended];
      if (request === undefined) throw new Error("no job runs");
      stealResult(bus, request);
      await finish(agent, request);
    }
    const run = await client.waitFor("r");
    expect(run).toMatchObject({ status: "succeeded", counts: { succeeded: 4 } });
    expect(running.map(({ spec, attempt }) => [spec.name, attempt])).toEqual(
      expect.arrayContaining(jobNames.map((name) => [name, 1])),
    );
    const counts = new Map((await client.status()).counters);
    for (const reason of ["malformed", "version", "dependency", "badRequest", "identity", "remote"]) {
      expect.soft(counts.get(`deadLetters.${reason}`) ?? 0, reason).toBeGreaterThan(0);
    }
    await waitUntil("dead letters are told", () => letters.length > 0);
    expect(letters[0]).toMatchObject({ node, reason: expect.any(String), target: expect.any(String) });
    agent.stop();
    following.abort();
    await follow;
    await coordinator.stop();
  });
});

/** Says it until it is settled, as agents do: in such a flood a message may be dropped. */
async function finish(agent: ScriptedAgent, request: JobRequest): Promise<void> {
  const say = (): void => agent.finish(request, succeeded);
  say();
  const again = setInterval(say, 500);
  try {
    const isSettled = (): boolean => agent.settled.some(({ lease }) => lease === request.lease);
    await waitUntil("the result is settled", isSettled, { timeoutMs: 40_000 });
  } finally {
    clearInterval(again);
  }
}

/** Another agent, and one that pretends to be the right one, report a failure under the lease in force. */
function stealResult(bus: Bus, { run, job, attempt, lease }: JobRequest): void {
  const result = resultOf({ kind: "failed", reason: "exit", exitCode: 1 });
  const items = [{ kind: "finished", run, job, attempt, lease, result }];
  for (const [token, agent] of [
    ["thief", "thief"],
    ["thief", "scripted"],
    ["scripted", "thief"],
  ] as const) {
    const report = { v: 1, agent, incarnation: `${agent}-1`, epoch: 1, ordersSeen: 0, items };
    bus.connection.publish(bus.subjects.fromAgent(token, "report"), codec.encode(report));
  }
}
