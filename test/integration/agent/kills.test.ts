import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { takeCensus } from "../../../agent/runners/process-census.ts";
import type { Bus } from "../../../shared/bus/connection.ts";
import type { JobRequest } from "../../../shared/model/messages.ts";
import type { Artifact } from "../../../shared/model/outcome.ts";
import { ArtifactStore } from "../../../shared/store/artifact-store.ts";
import { JetStreamObjects } from "../../../shared/store/jetstream-objects.ts";
import { readLog } from "../../../shared/store/log-reader.ts";
import { startNatsServer, type TestServer } from "../../support/nats-server.ts";
import { waitUntil } from "../../support/wait-until.ts";
import { jobRequest } from "../../unit/agent/request.ts";
import { AgentProcess } from "./agent-process.ts";
import { AgentScene } from "./agent-scene.ts";
import { JobBook } from "./job-book.ts";
import { killWhileWorking } from "./kill-series.ts";
import type { ScriptedCoordinator } from "./scripted-coordinator.ts";

let server: TestServer;
let scene: AgentScene;
let bus: Bus;
let folder: string;
let coordinator: ScriptedCoordinator;
let agent: AgentProcess;
let store: ArtifactStore;

beforeAll(async () => {
  server = await startNatsServer();
});

afterAll(async () => {
  await server.stop();
});

beforeEach(async () => {
  scene = await AgentScene.open(server, "kills", { storage: "memory" });
  ({ bus, folder, coordinator } = scene);
  store = new ArtifactStore(new JetStreamObjects(bus.connection, { bucket: bus.subjects.objectBucket() }));
  agent = new AgentProcess({
    server: server.url,
    namespace: scene.namespace,
    folder,
    arguments: ["--slots", "3", "--heartbeat", "200ms", "--grace", "300ms", "--min-free", "1MiB"],
  });
});

afterEach(async () => {
  await agent.end();
  await scene.close();
});

async function processesOf(run: string): Promise<(string | undefined)[]> {
  return (await takeCensus()).map(({ attempt }) => attempt).filter((it) => it?.startsWith(`${run}/`));
}

/** What of attempts is on disk, control files included. */
function leftOnDisk(): string[] {
  const places = join(agent.workFolder, "attempts");
  return existsSync(places) ? readdirSync(places) : [];
}

/** Its log as readers get it, whatever was shipped twice. */
async function logOf({ run, spec, attempt }: JobRequest, totalBytes: number): Promise<string> {
  let text = "";
  for await (const piece of readLog(bus, { run, job: spec.name, attempt, follow: true, totalBytes })) {
    text += piece.kind === "lost" ? `[${piece.bytes} lost]` : Buffer.from(piece.bytes).toString();
  }
  return text;
}

/** A job that leaves a line for each time it runs, then takes its time, says what it saw and makes something. */
function countedJob(index: number, input: Artifact): JobRequest {
  const seconds = [0, 0, 0.05, 0.2, 0.5, 0.9][index % 6];
  const takesInput = index % 4 === 0;
  const script = `echo "$MILLRACE_ATTEMPT" >>${folder}/ran/${index}
    echo begun; sleep ${seconds}; ${takesInput ? 'cat "$MILLRACE_INPUTS/before/file"' : ":"}
    head -c ${index % 3 === 0 ? 1_500_000 : 10} /dev/zero >made; echo ${index} >>made; echo done`;
  return jobRequest({
    run: "kills",
    job: index,
    inputs: takesInput ? [{ job: "before", digest: input.digest }] : [],
    spec: { name: `job ${index}`, run: { script }, outputs: index % 2 === 0 ? ["made"] : [] },
  });
}

test("killed at any moment and started again: each job runs once and has one result", {
  timeout: 180_000,
}, async () => {
  mkdirSync(join(folder, "ran"));
  mkdirSync(join(folder, "input"));
  writeFileSync(join(folder, "input/file"), "given\n");
  const input = await store.upload(join(folder, "input"), ["file"]);
  if (input === null) throw new Error("nothing was uploaded");
  const book = new JobBook(
    coordinator,
    Array.from({ length: 48 }, (_, index) => countedJob(index, input)),
    6,
  );
  agent.start();
  await coordinator.joined();
  const kills = await killWhileWorking(agent, book, {
    afterMs: 600,
    everyMs: 400,
    spreadMs: 900,
    most: 25,
  });
  expect(kills).toBeGreaterThan(3);
  for (const { request, results } of book.jobs) {
    expect(results).toMatchObject([{ outcome: { kind: "succeeded" } }]);
    const ran = readFileSync(join(folder, "ran", String(request.job)), "utf8")
      .trim()
      .split("\n");
    expect(ran).toEqual([`kills/${request.job}/${request.attempt}/${request.lease}`]);
    const log = request.inputs.length > 0 ? "begun\ngiven\ndone\n" : "begun\ndone\n";
    expect(await logOf(request, results[0]?.logBytes ?? 0)).toBe(log);
    expect(results[0]?.artifact === null).toBe(request.spec.outputs.length === 0);
  }
  await waitUntil("nothing of them is left", async () => {
    book.work();
    return leftOnDisk().length <= 3 && (await processesOf("kills")).length === 0;
  });
  await agent.signal("SIGTERM");
  expect(existsSync(agent.workFolder) ? readdirSync(agent.workFolder, { recursive: true }) : []).toEqual([]);
});

test("ends with its own cause what it was about to end when it was killed", async () => {
  agent.start();
  await coordinator.joined();
  const script = "trap '' TERM; echo up; setsid sleep 300 & while :; do sleep 0.1; done";
  const request = jobRequest({
    run: "causes",
    spec: { run: { script }, timeouts: { runMs: 300 } },
  });
  coordinator.order({ kind: "start", request });
  await coordinator.started(request.lease);
  // TERM has been sent, KILL has not.
  await delay(650);
  await agent.signal("SIGKILL");
  agent.start();
  expect(await coordinator.answerOf(request.lease)).toMatchObject({
    result: { outcome: { kind: "timeout", limit: "run", limitMs: 300 } },
  });
  await waitUntil("its processes are gone", async () => (await processesOf("causes")).length === 0);
});

test("counts the time limit of an adopted job from its start", async () => {
  agent.start();
  await coordinator.joined();
  const request = jobRequest({
    run: "limits",
    spec: { run: { script: "exec sleep 300" }, timeouts: { runMs: 6_000 } },
  });
  coordinator.order({ kind: "start", request });
  await coordinator.started(request.lease);
  await agent.signal("SIGKILL");
  await delay(4_500);
  coordinator.hellos.length = 0;
  agent.start();
  await coordinator.joined();
  const adoptedMs = performance.now();
  expect(await coordinator.answerOf(request.lease)).toMatchObject({
    result: { outcome: { kind: "timeout", limit: "run" } },
  });
  // Counted from the adoption it would be six seconds and more.
  expect(performance.now() - adoptedMs).toBeLessThan(4_000);
});

test("a cancel reaches an adopted job, and what it has left its session with, within a second", async () => {
  agent.start();
  await coordinator.joined();
  const request = jobRequest({
    run: "cancels",
    spec: { run: { script: "setsid sh -c 'sleep 301 & wait' & echo up; wait" } },
  });
  coordinator.order({ kind: "start", request });
  await coordinator.started(request.lease);
  await agent.signal("SIGKILL");
  coordinator.hellos.length = 0;
  agent.start();
  await coordinator.joined();
  const { run, job, attempt, lease } = request;
  coordinator.order({ kind: "cancel", run, job, attempt, lease, reason: "test" });
  const cancelledMs = performance.now();
  expect(await coordinator.answerOf(lease)).toMatchObject({ result: { outcome: { kind: "cancelled" } } });
  expect(performance.now() - cancelledMs).toBeLessThan(2_000);
  await waitUntil("its processes are gone", async () => (await processesOf("cancels")).length === 0);
});

test("stopped in mid-air: a job that ended in time meanwhile has not passed its limit", async () => {
  agent.start();
  await coordinator.joined();
  const inTime = jobRequest({
    run: "pauses",
    spec: { run: { script: "sleep 1" }, timeouts: { runMs: 2_000 } },
  });
  const tooLong = jobRequest({
    run: "pauses",
    spec: { run: { script: "sleep 300" }, timeouts: { runMs: 2_000 } },
  });
  coordinator.order({ kind: "start", request: inTime }, { kind: "start", request: tooLong });
  await coordinator.started(tooLong.lease);
  await agent.signal("SIGSTOP");
  await delay(3_500);
  await agent.signal("SIGCONT");
  expect(await coordinator.answerOf(inTime.lease)).toMatchObject({
    result: { outcome: { kind: "succeeded" } },
  });
  expect(await coordinator.answerOf(tooLong.lease)).toMatchObject({
    result: { outcome: { kind: "timeout", limit: "run" } },
  });
});
