import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Bus } from "../../../shared/bus/connection.ts";
import type { JobRequest } from "../../../shared/model/messages.ts";
import { readLog } from "../../../shared/store/log-reader.ts";
import { firstAttemptFolder } from "../../support/attempt-folder.ts";
import { startTestDocker } from "../../support/docker.ts";
import { makeBusyboxImage } from "../../support/image.ts";
import { startNatsServer, type TestServer } from "../../support/nats-server.ts";
import { waitUntil } from "../../support/wait-until.ts";
import { jobRequest } from "../../unit/agent/request.ts";
import { AgentProcess } from "./agent-process.ts";
import { AgentScene } from "./agent-scene.ts";
import { JobBook } from "./job-book.ts";
import { killWhileWorking } from "./kill-series.ts";
import type { ScriptedCoordinator } from "./scripted-coordinator.ts";

const image = "millrace-test/busybox:1";
const docker = await startTestDocker();

describe.skipIf(docker === undefined)("an agent that is killed while its containers run", () => {
  let server: TestServer;
  let scene: AgentScene;
  let bus: Bus;
  let folder: string;
  let coordinator: ScriptedCoordinator;
  let agent: AgentProcess;

  beforeAll(async () => {
    if (docker === undefined) return;
    await makeBusyboxImage(docker, image);
    server = await startNatsServer();
  });

  afterAll(async () => {
    await server?.stop();
    await docker?.stop();
  });

  beforeEach(async () => {
    scene = await AgentScene.open(server, "containers", { storage: "memory" });
    ({ bus, folder, coordinator } = scene);
    agent = new AgentProcess({
      server: server.url,
      namespace: scene.namespace,
      folder,
      arguments: ["--slots", "3", "--heartbeat", "200ms", "--grace", "500ms", "--min-free", "1MiB"],
    });
    agent.start();
    await coordinator.joined();
  });

  afterEach(async () => {
    await agent.end();
    expect(containers()).toEqual([]);
    await scene.close();
  });

  /** Ids of the containers of this test's agent, or only of those that run. */
  function containers(which: "all" | "running" = "all"): string[] {
    const filter = ["--quiet", "--filter", `label=millrace.folder=${agent.workFolder}`];
    const ids = docker?.docker(["ps", ...(which === "all" ? ["--all"] : []), ...filter]) ?? "";
    return ids.split("\n").filter(Boolean);
  }

  function containerJob(script: string, spec: Partial<JobRequest["spec"]> = {}): JobRequest {
    return jobRequest({ spec: { run: { script }, image, network: "none", ...spec } });
  }

  async function restart(): Promise<void> {
    coordinator.hellos.length = 0;
    agent.start();
    await coordinator.joined();
  }

  /** Starts it and resolves when its container is at work. */
  async function startedInContainer(request: JobRequest): Promise<string> {
    coordinator.order({ kind: "start", request });
    const work = () => join(firstAttemptFolder(agent.workFolder) ?? "", "work");
    await waitUntil("the container is at work", () => existsSync(join(work(), "up")), { timeoutMs: 30_000 });
    return work();
  }

  async function logOf({ run, spec, attempt }: JobRequest, totalBytes: number): Promise<string> {
    let text = "";
    for await (const piece of readLog(bus, { run, job: spec.name, attempt, follow: true, totalBytes })) {
      text += piece.kind === "lost" ? `[${piece.bytes} lost]` : Buffer.from(piece.bytes).toString();
    }
    return text;
  }

  const counting = "touch up; i=0; while [ $i -lt 30 ]; do i=$((i+1)); echo line $i; sleep 0.05; done";
  const counted = Array.from({ length: 30 }, (_, index) => `line ${index + 1}\n`).join("");

  test("is followed by a successor that follows them: status, whole log, outputs", async () => {
    const request = containerJob(`${counting}; until [ -e go ]; do sleep 0.05; done; echo made >out`, {
      outputs: ["out"],
    });
    const work = await startedInContainer(request);
    await agent.signal("SIGKILL");
    await restart();
    expect(coordinator.hellos[0]?.held).toMatchObject([{ lease: request.lease, phase: "running" }]);
    writeFileSync(join(work, "go"), "");
    const answer = await coordinator.answerOf(request.lease);
    expect(answer).toMatchObject({
      result: { outcome: { kind: "succeeded" }, artifact: { files: 1 }, cpuMs: expect.any(Number) },
    });
    expect(await logOf(request, answer.kind === "finished" ? answer.result.logBytes : 0)).toBe(counted);
    await waitUntil("its container is removed", () => containers().length === 0);
  });

  test("learns how they ended while nobody was there, and whether for want of memory", async () => {
    const failing = containerJob(`${counting}; exit 7`);
    const greedy = containerJob("sleep 1; head -c 200m /dev/zero | tail >/dev/null; exit 1", {
      resources: { memoryBytes: 32 * 2 ** 20 },
    });
    await startedInContainer(failing);
    coordinator.order({ kind: "start", request: greedy });
    await waitUntil("both are at work", () => containers("running").length === 2, { timeoutMs: 30_000 });
    await agent.signal("SIGKILL");
    await waitUntil("both have ended", () => containers("running").length === 0, {
      timeoutMs: 30_000,
      intervalMs: 200,
    });
    await restart();
    const answer = await coordinator.answerOf(failing.lease);
    expect(answer).toMatchObject({ result: { outcome: { kind: "failed", reason: "exit", exitCode: 7 } } });
    expect(await logOf(failing, answer.kind === "finished" ? answer.result.logBytes : 0)).toBe(counted);
    expect(await coordinator.answerOf(greedy.lease)).toMatchObject({
      result: { outcome: { kind: "outOfMemory" } },
    });
  });

  test("ends an adopted container at its time limit, and on a cancel", async () => {
    const limited = containerJob("sleep 300", { timeouts: { runMs: 4_000 } });
    const cancelled = containerJob("touch up; trap '' TERM; while :; do sleep 0.1; done");
    await startedInContainer(cancelled);
    coordinator.order({ kind: "start", request: limited });
    await waitUntil("both are at work", () => containers("running").length === 2, { timeoutMs: 30_000 });
    await agent.signal("SIGKILL");
    await restart();
    const { run, job, attempt, lease } = cancelled;
    coordinator.order({ kind: "cancel", run, job, attempt, lease, reason: "test" });
    expect(await coordinator.answerOf(lease)).toMatchObject({ result: { outcome: { kind: "cancelled" } } });
    expect(await coordinator.answerOf(limited.lease)).toMatchObject({
      result: { outcome: { kind: "timeout", limit: "run" } },
    });
  });

  test("removes containers that no record wants", async () => {
    const labels = [`millrace.folder=${agent.workFolder}`, "millrace.attempt=old/1/1/x"];
    await agent.signal("SIGKILL");
    docker?.docker(["run", "--detach", ...labels.map((label) => `--label=${label}`), image, "sleep", "600"]);
    expect(containers()).toHaveLength(1);
    await restart();
    await waitUntil("it is gone", () => containers().length === 0);
  });

  test("runs each job once, whenever it is killed", { timeout: 180_000 }, async () => {
    const waits = (index: number): string => `sleep ${(index % 4) * 0.4}; echo done`;
    const requests = Array.from({ length: 12 }, (_, index) =>
      jobRequest({
        job: index,
        spec: {
          name: `job ${index}`,
          image,
          network: "none",
          // What every other one has made has to come out of its container.
          ...(index % 2 === 0
            ? { run: { script: `touch made; ${waits(index)}` }, outputs: ["made"] }
            : {
                layout: "package",
                run: { script: `mkdir /outputs; head -c 20000000 /dev/zero >/outputs/made; ${waits(index)}` },
                outputs: ["."],
              }),
        },
      }),
    );
    const book = new JobBook(coordinator, requests, 4);
    const kills = await killWhileWorking(agent, book, {
      afterMs: 1_500,
      everyMs: 700,
      spreadMs: 1_800,
      most: 12,
    });
    expect(kills).toBeGreaterThan(1);
    const finished = book.jobs.map(({ results }) => results);
    const succeeded = { outcome: { kind: "succeeded" }, artifact: { files: 1 }, logBytes: 5 };
    expect(finished).toMatchObject(requests.map(() => [succeeded]));
    // What was made anew had not run: it has said nothing.
    for (const { request } of book.jobs) {
      for (let attempt = 1; attempt < request.attempt; attempt += 1)
        expect(await logOf({ ...request, attempt }, 0)).toBe("");
    }
    await waitUntil("no container is left", () => containers().length === 0, { timeoutMs: 30_000 });
    expect(readFileSync(join(folder, "agent.log"), "utf8")).not.toContain("trouble");
  });
});
