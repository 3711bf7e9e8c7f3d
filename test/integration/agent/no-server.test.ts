import { readdirSync } from "node:fs";
import { afterEach, expect, test } from "vitest";
import { takeCensus } from "../../../agent/runners/process-census.ts";
import type { JobRequest } from "../../../shared/model/messages.ts";
import { startNatsServer, type TestServer } from "../../support/nats-server.ts";
import { waitUntil } from "../../support/wait-until.ts";
import { jobRequest } from "../../unit/agent/request.ts";
import { AgentProcess } from "./agent-process.ts";
import { AgentScene } from "./agent-scene.ts";

let server: TestServer;
let scene: AgentScene;
let agent: AgentProcess;

async function open(config = "", user?: string): Promise<void> {
  server = await startNatsServer({ config });
  scene = await AgentScene.open(user === undefined ? server : withUser("admin"), "away");
  agent = new AgentProcess({
    server: user === undefined ? server.url : withUser(user).url,
    namespace: scene.namespace,
    folder: scene.folder,
    arguments: ["--slots", "4", "--heartbeat", "200ms", "--grace", "300ms", "--min-free", "1MiB"],
  });
}

afterEach(async () => {
  await agent.end();
  await scene.close();
  await server.stop();
});

function withUser(user: string): TestServer {
  return { ...server, url: server.url.replace("nats://", `nats://${user}:secret@`) };
}

async function started(times: number): Promise<void> {
  const said = () => agent.log().split("agent started").length - 1;
  await waitUntil("it says that it has started", () => said() === times, {
    timeoutMs: 30_000,
    diagnose: () => agent.log(),
  });
}

async function ended(): Promise<void> {
  await waitUntil("it ends", () => agent.exitCode !== null, {
    timeoutMs: 30_000,
    diagnose: () => agent.log(),
  });
}

function job(script: string, spec: Partial<JobRequest["spec"]> = {}): JobRequest {
  return jobRequest({ run: "away", spec: { run: { script }, ...spec } });
}

async function attemptsRunning(): Promise<Set<string | undefined>> {
  const attempts = (await takeCensus()).map(({ attempt }) => attempt);
  return new Set(attempts.filter((attempt) => attempt?.startsWith("away/")));
}

test("started again while the server is away, it enforces the limits of what it takes over, and reports later", async () => {
  await open();
  const { coordinator } = scene;
  const limited = job("exec sleep 300", { timeouts: { runMs: 3_000 } });
  const silent = job("echo up; exec sleep 300", { timeouts: { noOutputMs: 1_500 } });
  const short = job("sleep 1; echo made >made; echo done", { outputs: ["made"] });
  const long = job("sleep 300");
  agent.start();
  await coordinator.joined();
  for (const request of [limited, silent, short, long]) coordinator.order({ kind: "start", request });
  for (const { lease } of [limited, silent, short, long]) await coordinator.started(lease);
  await agent.signal("SIGKILL");
  await server.kill();
  agent.start();
  await waitUntil("only the job without a limit runs", async () => (await attemptsRunning()).size === 1, {
    timeoutMs: 30_000,
    diagnose: async () => ({ attempts: [...(await attemptsRunning())], log: agent.log() }),
  });
  await server.restart();
  expect(await coordinator.answerOf(limited.lease)).toMatchObject({
    result: { outcome: { kind: "timeout", limit: "run" } },
  });
  expect(await coordinator.answerOf(silent.lease)).toMatchObject({
    result: { outcome: { kind: "timeout", limit: "noOutput" } },
  });
  expect(await coordinator.answerOf(short.lease)).toMatchObject({
    result: { outcome: { kind: "succeeded" }, artifact: { files: 1 }, logBytes: 5 },
  });
  coordinator.order({
    kind: "cancel",
    run: "away",
    job: long.job,
    attempt: 1,
    lease: long.lease,
    reason: "test",
  });
  expect(await coordinator.answerOf(long.lease)).toMatchObject({
    result: { outcome: { kind: "cancelled" } },
  });
});

test("started without a server it takes the jobs of one that comes", async () => {
  await open();
  await server.kill();
  agent.start();
  await started(1);
  await server.restart();
  await scene.coordinator.joined();
  const request = job("true");
  scene.coordinator.order({ kind: "start", request });
  expect(await scene.coordinator.answerOf(request.lease)).toMatchObject({
    result: { outcome: { kind: "succeeded" } },
  });
});

test("told to stop while the server is away, it ends in order, and its jobs if it is in a hurry", async () => {
  await open();
  agent.start();
  await scene.coordinator.joined();
  const request = job("sleep 300");
  scene.coordinator.order({ kind: "start", request });
  await scene.coordinator.started(request.lease);
  await agent.signal("SIGKILL");
  await server.kill();
  agent.start();
  await started(2);
  await agent.end();
  expect(agent.exitCode).toBe(0);
  expect([...(await attemptsRunning())]).toEqual([]);
  expect(readdirSync(scene.folder)).not.toContain("work");
  await server.restart();
});

const users = `authorization { users: [
  {user: admin, password: secret}
  {user: deaf, password: secret, permissions: {subscribe: {deny: "millrace.*._.to.>"}}}
  {user: mute, password: secret, permissions: {publish: {deny: "millrace.*._.from.>"}}}
  {user: unanswered, password: secret, permissions: {subscribe: {deny: "_INBOX.>"}}}
] }`;

test.each([
  ["deaf", /permission denied: subscribing to millrace\.away-\d+\._\.to\.a1\.orders/],
  ["mute", /permission denied: publishing to millrace\.away-\d+\._\.from\.a1\.hello/],
  ["unanswered", /permission denied: subscribing to _INBOX\./],
])("a %s agent says which subject it is refused, and ends with status 3", async (user, words) => {
  await open(users, user);
  agent.start();
  await ended();
  expect(agent.exitCode).toBe(3);
  expect(agent.log()).toMatch(words);
});

test("with wrong credentials it says so, and ends", async () => {
  await open(users, "stranger");
  agent.start();
  await ended();
  expect(agent.exitCode).toBe(2);
  expect(agent.log()).toContain("refused the credentials");
  expect(readdirSync(scene.folder)).toEqual(["agent.log"]);
});

async function openWithInput(): Promise<void> {
  server = await startNatsServer({});
  scene = await AgentScene.open(server, "away");
  agent = new AgentProcess({
    server: "nats://127.0.0.1:1",
    namespace: scene.namespace,
    folder: scene.folder,
    arguments: ["--server", "-", "--shell-only", "--exit-with-stdin", "--min-free", "1MiB"],
    hasInput: true,
  });
  agent.start();
}

test("told by the first line of its input where the server is, it joins, and goes when its input ends", async () => {
  await openWithInput();
  agent.tell(server.url);
  await scene.coordinator.joined();
  const [{ abilities, versions } = {}] = scene.coordinator.hellos;
  // What --shell-only spares it to find out.
  expect(abilities).not.toContain("hostLayout");
  expect(versions?.engine).toBe(null);
  agent.closeInput();
  await ended();
  expect(agent.exitCode).toBe(0);
});

test("with an input that ends before it says where the server is, it ends, and says why", async () => {
  await openWithInput();
  agent.closeInput();
  await ended();
  expect(agent.exitCode).toBe(2);
  expect(agent.log()).toContain("standard input ended before it named a server");
});
