import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { AgentOptions } from "../../../agent/agent.ts";
import { hostIdentity } from "../../../agent/runners/host-identity.ts";
import { takeCensus } from "../../../agent/runners/process-census.ts";
import type { Bus } from "../../../shared/bus/connection.ts";
import type { JobRequest } from "../../../shared/model/messages.ts";
import { ArtifactStore } from "../../../shared/store/artifact-store.ts";
import { JetStreamObjects } from "../../../shared/store/jetstream-objects.ts";
import { readLog } from "../../../shared/store/log-reader.ts";
import { firstAttemptFolder } from "../../support/attempt-folder.ts";
import type { TestServer } from "../../support/nats-server.ts";
import { waitUntil } from "../../support/wait-until.ts";
import { type AgentScene, eachInItsScene, scriptRequest as script } from "./agent-scene.ts";
import type { ScriptedCoordinator } from "./scripted-coordinator.ts";

let server: TestServer;
let scene: AgentScene;
let bus: Bus;
let folder: string;
let coordinator: ScriptedCoordinator;

eachInItsScene("agents", { storage: "memory" }, (opened, its) => {
  [scene, server] = [opened, its];
  ({ bus, folder, coordinator } = scene);
});

const start = (options: Partial<AgentOptions> = {}) => scene.start({ labels: [["arch", "any"]], ...options });
const outcomeOf = (request: JobRequest) => scene.outcomeOf(request);

function attemptFolders(): string[] {
  const attempts = join(folder, "work/attempts");
  return existsSync(attempts) ? readdirSync(attempts) : [];
}

test("registers with what it has and runs a job to its result", async () => {
  await start();
  expect(coordinator.hellos[0]).toMatchObject({
    agent: "a1",
    labels: [["arch", "any"]],
    mode: "active",
    held: [],
    host: { identity: hostIdentity() },
  });
  const request = script('echo "$MILLRACE_RUN $MILLRACE_JOB $CI"; exit 4');
  coordinator.order({ kind: "start", request });
  expect(await coordinator.answerOf(request.lease)).toMatchObject({
    kind: "finished",
    result: {
      outcome: { kind: "failed", reason: "exit", exitCode: 4 },
      logBytes: `r1 ${request.spec.name} true\n`.length,
    },
    ranOn: { host: hostIdentity() },
  });
  expect(coordinator.items.filter(({ lease }) => lease === request.lease).map(({ kind }) => kind)).toEqual([
    "started",
    "finished",
  ]);
});

test("says that it can't find an image without an engine to ask", async () => {
  await start({ isShellOnly: true });
  const question = { kind: "findImages" as const, images: ["millrace-test/none:1"] };
  coordinator.order({ kind: "ask", id: "q1", question });
  await waitUntil("the agent answers", () => coordinator.answers.length > 0);
  expect(coordinator.answers).toMatchObject([{ id: "q1", answer: { kind: "refused", code: "unsupported" } }]);
});

test("heartbeats at the interval it is told, with what it holds", async () => {
  await start({ heartbeatMs: 60_000 });
  const request = script("sleep 300");
  coordinator.order({ kind: "start", request });
  await waitUntil("a heartbeat names the running job", () =>
    coordinator.heartbeats.some(({ held }) =>
      held.some((it) => it.lease === request.lease && it.phase === "running"),
    ),
  );
});

test("passes artifacts from one job to the next, modes and links kept, and sources read-only", async () => {
  await start();
  const store = new ArtifactStore(
    new JetStreamObjects(bus.connection, { bucket: bus.subjects.objectBucket() }),
  );
  const build = script(
    "mkdir -p out/deep; echo hi >out/deep/f; chmod 755 out/deep/f; ln -s deep/f out/l; echo no >other",
    {
      name: "build it",
      outputs: ["out"],
    },
  );
  coordinator.order({ kind: "start", request: build });
  const built = await coordinator.answerOf(build.lease);
  if (built.kind !== "finished" || built.result.artifact === null) throw new Error(JSON.stringify(built));
  expect(built.result.artifact).toMatchObject({ files: 2 });
  const use = script(
    'cd "$MILLRACE_INPUTS/build%20it/out"; test "$(readlink l)" = deep/f; test -x deep/f; cat l; find "$MILLRACE_SOURCE" -type f -perm /222',
    { outputs: [], sources: built.result.artifact.digest },
  );
  use.inputs = [{ job: "build it", digest: built.result.artifact.digest }];
  expect(await outcomeOf(use)).toEqual({ kind: "succeeded" });
  expect((await store.manifest(built.result.artifact.digest)).entries.length).toBeGreaterThan(1);
});

/** The whole log of an attempt as readers get it. */
async function logOf({ run, spec, attempt }: JobRequest, totalBytes: number): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of readLog(bus, { run, job: spec.name, attempt, follow: true, totalBytes })) {
    if (piece.kind === "lost") throw new Error(`a gap in the log: ${JSON.stringify(piece)}`);
    pieces.push(piece.bytes);
  }
  return Buffer.concat(pieces);
}

test("ships the log, also one that is huge and binary, while and after the job runs", async () => {
  await start();
  const request = script(
    "printf '\\377\\000begin\\n'; sleep 0.4; head -c 5000000 /dev/zero; sleep 0.4; echo end",
  );
  coordinator.order({ kind: "start", request });
  const answer = await coordinator.answerOf(request.lease);
  if (answer.kind !== "finished") throw new Error(JSON.stringify(answer));
  const log = await logOf(request, answer.result.logBytes);
  expect(log.length).toBe(8 + 5_000_000 + 4);
  expect(log.subarray(0, 8)).toEqual(Buffer.from("\xff\0begin\n", "latin1"));
  expect(log.subarray(-4).toString()).toBe("end\n");
});

test("a missing output fails the job, and so do inputs that do not exist", async () => {
  await start();
  expect(await outcomeOf(script("true", { outputs: ["nothing-*"] }))).toMatchObject({
    kind: "failed",
    reason: "missingOutput",
    message: expect.stringContaining("nothing-*"),
  });
  const needy = script("true");
  needy.inputs = [{ job: "ghost", digest: "0".repeat(64) }];
  expect(await outcomeOf(needy)).toMatchObject({ kind: "failed", reason: "inputs" });
});

test("ends a job at its time limit: TERM, then KILL", async () => {
  await start();
  const polite = script("trap 'echo cleaned; exit 0' TERM; sleep 300 & wait", { timeouts: { runMs: 200 } });
  const stubborn = script("trap '' TERM; while :; do sleep 1; done", { timeouts: { runMs: 200 } });
  const outcomes = await Promise.all([outcomeOf(polite), outcomeOf(stubborn)]);
  const passed = { kind: "timeout", limit: "run", limitMs: 200 };
  expect(outcomes).toEqual([passed, passed]);
});

test("ends a job that is silent for too long, and leaves one that speaks", async () => {
  await start();
  const timeouts = { noOutputMs: 700 };
  const chatty = script("for i in 1 2 3 4 5; do echo $i; sleep 0.3; done", { timeouts });
  const silentJob = script("echo once; sleep 300", { timeouts });
  expect(await Promise.all([outcomeOf(chatty), outcomeOf(silentJob)])).toEqual([
    { kind: "succeeded" },
    { kind: "timeout", limit: "noOutput", limitMs: 700 },
  ]);
});

test("cancels what runs and what waits", async () => {
  await start({ capacity: { slots: 1, cpu: 1, memoryBytes: 2 ** 30 } });
  const [running, waiting] = [script("sleep 300"), script("sleep 300")];
  coordinator.order({ kind: "start", request: running }, { kind: "start", request: waiting });
  await coordinator.started(running.lease);
  for (const { run, job, attempt, lease } of [waiting, running]) {
    coordinator.order({ kind: "cancel", run, job, attempt, lease, reason: "test" });
  }
  for (const { lease } of [running, waiting]) {
    expect(await coordinator.answerOf(lease)).toMatchObject({ result: { outcome: { kind: "cancelled" } } });
  }
});

test("handles a repeated batch once, and obeys no deposed coordinator", async () => {
  await start();
  // The numbers are given by hand here.
  coordinator.settles = false;
  const request = script("true");
  const orders = [{ kind: "start" as const, request }];
  coordinator.epoch = 5;
  for (let round = 0; round < 3; round += 1) coordinator.send({ number: 1, orders });
  await coordinator.answerOf(request.lease);
  const old = script("true");
  coordinator.send({ epoch: 4, number: 2, orders: [{ kind: "start", request: old }] });
  coordinator.send({ incarnation: "an earlier one", number: 2, orders: [{ kind: "start", request: old }] });
  coordinator.send({ number: 9, orders: [{ kind: "start", request: old }] });
  const last = script("true");
  coordinator.send({ number: 2, orders: [{ kind: "start", request: last }] });
  await coordinator.answerOf(last.lease);
  expect(coordinator.items.filter(({ kind }) => kind === "started")).toHaveLength(2);
  expect(coordinator.items.some(({ lease }) => lease === old.lease)).toBe(false);
});

test("repeats a result until it is settled, to a new coordinator at once, and only then removes its files", async () => {
  await start();
  coordinator.settles = false;
  const request = script("echo left >file");
  coordinator.order({ kind: "start", request });
  await coordinator.answerOf(request.lease);
  expect(attemptFolders()).toHaveLength(1);
  coordinator.epoch = 2;
  coordinator.items.length = 0;
  coordinator.send({ incarnation: "", number: 0 });
  await coordinator.answerOf(request.lease);
  expect(coordinator.hellos.at(-1)?.held).toMatchObject([{ lease: request.lease, phase: "finished" }]);
  const { run, job, attempt, lease } = request;
  coordinator.order({ kind: "settle", run, job, attempt, lease });
  await waitUntil("its files are gone", () => attemptFolders().length === 0);
});

test("confirms orders that need no answer", async () => {
  coordinator.heartbeatMs = 60_000;
  await start();
  const { run, job, attempt, lease } = script("true");
  coordinator.order({ kind: "settle", run, job, attempt, lease });
  await waitUntil("the batch is confirmed", () => coordinator.ordersSeen === coordinator.lastNumber);
});

test("says at once that it has taken a mode, and refuses jobs while it is held", async () => {
  coordinator.heartbeatMs = 60_000;
  await start();
  coordinator.order({ kind: "mode", mode: "held" });
  await waitUntil("it is held", () => coordinator.heartbeats.at(-1)?.mode === "held");
  const refused = script("true");
  expect(await outcomeOf(refused)).toMatchObject({
    kind: "returned",
    reason: expect.stringContaining("held"),
  });
});

test("stops in order: gives back what waits, finishes what runs, says bye, leaves nothing", async () => {
  const agent = await start({ capacity: { slots: 1, cpu: 1, memoryBytes: 2 ** 30 } });
  const [running, waiting] = [script("while [ ! -e go ]; do sleep 0.02; done"), script("true")];
  coordinator.order({ kind: "start", request: running }, { kind: "start", request: waiting });
  await coordinator.started(running.lease);
  agent.stop("drain");
  expect(await coordinator.answerOf(waiting.lease)).toMatchObject({ kind: "returned" });
  writeFileSync(join(firstAttemptFolder(join(folder, "work"))!, "work/go"), "");
  expect(await coordinator.answerOf(running.lease)).toMatchObject({
    result: { outcome: { kind: "succeeded" } },
  });
  expect(await agent.ended).toBe("stopped");
  await waitUntil("it said bye", () => coordinator.byes.length === 1);
  expect(existsSync(join(folder, "work"))).toBe(false);
});

test("stops at once: no process and no workspace is left, and the jobs are reported lost", async () => {
  const agent = await start();
  const request = script("trap '' TERM; setsid sleep 300 & while :; do sleep 1; done");
  coordinator.order({ kind: "start", request });
  await coordinator.started(request.lease);
  agent.stop("now");
  await agent.ended;
  expect(await coordinator.answerOf(request.lease)).toMatchObject({ result: { outcome: { kind: "lost" } } });
  expect((await takeCensus()).filter(({ attempt }) => attempt?.endsWith(request.lease))).toEqual([]);
  expect(existsSync(join(folder, "work"))).toBe(false);
});

test("leaves running jobs to its successor, which reports how they ended", async () => {
  const agent = await start();
  const request = script("echo made >out; while [ ! -e go ]; do sleep 0.02; done; exit 6", {
    outputs: ["out"],
  });
  coordinator.order({ kind: "start", request });
  await coordinator.started(request.lease);
  const work = join(firstAttemptFolder(join(folder, "work"))!, "work");
  await waitUntil("the job is at work", () => existsSync(join(work, "out")));
  agent.stop("leave");
  await agent.ended;
  coordinator.hellos.length = 0;
  await start();
  expect(coordinator.hellos[0]?.held).toMatchObject([{ lease: request.lease, phase: "running" }]);
  writeFileSync(join(work, "go"), "");
  expect(await coordinator.answerOf(request.lease)).toMatchObject({
    result: { outcome: { kind: "failed", reason: "exit", exitCode: 6 } },
  });
});

test("a second agent in the same work folder is refused", async () => {
  await start();
  await expect(start({ name: "a2" })).rejects.toMatchObject({ code: "conflict" });
});

test("keeps the workspace of a failed job where it says, and only that", async () => {
  const agent = await start({ keepFailed: true });
  expect(await outcomeOf(script("echo good >f", { name: "good" }))).toEqual({ kind: "succeeded" });
  await outcomeOf(script("echo seen; echo bad >f; exit 1", { name: "bad one" }));
  agent.stop("drain");
  await agent.ended;
  expect(readdirSync(join(folder, "work"))).toEqual(["kept"]);
  expect(readdirSync(join(folder, "work/kept/r1"))).toEqual(["bad%20one-1"]);
  expect(readFileSync(join(folder, "work/kept/r1/bad%20one-1/work/f"), "utf8")).toBe("bad\n");
  expect(readFileSync(join(folder, "work/kept/r1/bad%20one-1/log"), "utf8")).toBe("seen\n");
});

test("goes on after the server was away: results wait, and are reported then", async () => {
  await start();
  const request = script("sleep 1; exit 2");
  coordinator.order({ kind: "start", request });
  await coordinator.started(request.lease);
  await server.restart();
  expect(await coordinator.answerOf(request.lease)).toMatchObject({
    result: { outcome: { kind: "failed", exitCode: 2 } },
  });
});
