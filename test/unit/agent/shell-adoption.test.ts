import { appendFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { launchFilePath, launchFileText } from "../../../agent/runners/launch-file.ts";
import { identify } from "../../../agent/runners/process-census.ts";
import type { Adoption, Launch } from "../../../agent/runners/runner.ts";
import type { ShellRunner } from "../../../agent/runners/shell-runner.ts";
import { readStatusFile } from "../../../agent/runners/spawner-script.ts";
import type { Command } from "../../../shared/model/job-spec.ts";
import { waitUntil } from "../../support/wait-until.ts";
import { newShellRunner, shellLaunch } from "./shell-launch.ts";

// Real processes, on a machine that may be busy.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let root: string;
/** The successor's. */
let runner: ShellRunner;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "shell-adoption-"));
  runner = newShellRunner();
});

afterEach(async () => {
  await runner.close();
  rmSync(root, { recursive: true, force: true });
});

function launchOf(command: Command): Launch {
  return shellLaunch(root, command);
}

/** How a successor of the agent finds it. */
function adoptionOf({ attempt, control, log, packageRoot }: Launch, elapsedMs?: number): Adoption {
  return { attempt, control, log, packageRoot, elapsedMs, isSameBoot: true };
}

test("a job outlives its agent, and its successor reads how it ended", async () => {
  const launch = launchOf({ script: "echo begun; while [ ! -e go ]; do sleep 0.02; done; exit 7" });
  const first = newShellRunner();
  const orphaned = (await first.start(launch)).exit;
  await waitUntil("the job has begun", () => existsSync(launch.log));
  first.abandon();
  const adopted = runner.adopt(adoptionOf(launch, 5_000));
  expect(adopted.isFoundRunning).toBe(true);
  mkdirSync(join(launch.workspace, "go"));
  const exit = await adopted.exit;
  expect(exit).toMatchObject({ kind: "exited", exitCode: 7, usage: { cpuMs: expect.any(Number) } });
  expect(exit.kind === "exited" && exit.usage.wallMs).toBeGreaterThan(5_000);
  void orphaned;
});

test("a successor does not take the next job of a spawner for the one it adopts", async () => {
  const first = newShellRunner();
  const done = launchOf({ script: "exit 3" });
  await (await first.start(done)).exit;
  // The spawner is used again, and runs on when its agent is gone.
  const next = launchOf({ script: "echo up; while [ ! -e go ]; do sleep 0.02; done" });
  const running = (await first.start(next)).exit;
  await waitUntil("the next job is up", () => existsSync(next.log));
  first.abandon();
  const adopted = runner.adopt(adoptionOf(done));
  expect(adopted.isFoundRunning).toBe(false);
  await adopted.signal("KILL");
  expect(await adopted.exit).toMatchObject({ kind: "exited", exitCode: 3 });
  mkdirSync(join(next.workspace, "go"));
  expect(await runner.adopt(adoptionOf(next)).exit).toMatchObject({ kind: "exited", exitCode: 0 });
  void running;
});

test("a successor says of what was about to start that it never began", async () => {
  const unlaunched = launchOf({ script: "true" });
  expect(await runner.adopt(adoptionOf(unlaunched)).exit).toEqual({ kind: "neverBegan" });
  // The launch file is whole, and the line that would have started it was never written.
  const gone = { spawner: { pid: 2 ** 22 - 1, startTicks: 1 }, cpuBeforeMs: 0 };
  writeFileSync(launchFilePath(unlaunched.control), launchFileText(unlaunched, gone));
  expect(await runner.adopt(adoptionOf(unlaunched)).exit).toEqual({ kind: "neverBegan" });
  // A place that is used again still has the launch file of the attempt before, whose spawner may be at work.
  const spawner = { spawner: identify(process.pid)!, cpuBeforeMs: 0 };
  const text = launchFileText({ ...unlaunched, attempt: "r/0/1/other" }, spawner);
  writeFileSync(launchFilePath(unlaunched.control), text);
  expect(await runner.adopt(adoptionOf(unlaunched)).exit).toEqual({ kind: "neverBegan" });
});

test("the status of an earlier attempt of the place counts for nothing", async () => {
  const before = launchOf({ script: "exit 5" });
  await (await runner.start(before)).exit;
  const now = { ...before, attempt: "r/0/1/now" };
  const gone = { spawner: { pid: 2 ** 22 - 1, startTicks: 1 }, cpuBeforeMs: 0 };
  writeFileSync(launchFilePath(now.control), launchFileText(now, gone));
  expect(await runner.adopt(adoptionOf(now)).exit).toEqual({ kind: "neverBegan" });
  // Nothing of it could be run: its spawner has found its workspace gone.
  appendFileSync(join(now.control, "status"), "unlaunched\n0m0.0s 0m0.0s\n0m0.0s 0m0.0s\nend\n");
  expect(await runner.adopt(adoptionOf(now)).exit).toEqual({ kind: "neverBegan" });
  // Begun, and gone before its end.
  writeFileSync(join(now.control, "status"), `${now.attempt}\n`);
  expect(await runner.adopt(adoptionOf(now)).exit).toMatchObject({ kind: "unknown" });
});

test("a status of version 0.1, which names no attempt, is taken over", async () => {
  const launch = launchOf({ script: "exit 5" });
  await (await runner.start(launch)).exit;
  writeFileSync(join(launch.control, "status"), "6\n0m0.0s 0m0.0s\n0m0.0s 0m0.0s\nend\n");
  expect(await runner.adopt(adoptionOf(launch)).exit).toMatchObject({ kind: "exited", exitCode: 6 });
  // Begun, and not ended.
  expect(readStatusFile("", launch.attempt)).toEqual({ report: undefined });
});

test("an attempt of an earlier boot is gone, but for a status that it left", async () => {
  const ended = launchOf({ script: "exit 4" });
  await (await runner.start(ended)).exit;
  const earlier = { elapsedMs: undefined, isSameBoot: false };
  expect(await runner.adopt({ ...adoptionOf(ended), ...earlier }).exit).toMatchObject({ exitCode: 4 });
  rmSync(join(ended.control, "status"));
  expect(await runner.adopt({ ...adoptionOf(ended), ...earlier }).exit).toMatchObject({ kind: "unknown" });
});

test("a successor says that an attempt is gone when no status was left", async () => {
  const launch = launchOf({ script: "kill -KILL 0" });
  await (await runner.start(launch)).exit;
  expect(await runner.adopt(adoptionOf(launch)).exit).toMatchObject({ kind: "unknown" });
});
