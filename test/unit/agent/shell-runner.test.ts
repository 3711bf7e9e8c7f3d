import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { takeCensus } from "../../../agent/runners/process-census.ts";
import type { Exit, Launch } from "../../../agent/runners/runner.ts";
import type { ShellRunner } from "../../../agent/runners/shell-runner.ts";
import type { Command, Pairs } from "../../../shared/model/job-spec.ts";
import { waitUntil } from "../../support/wait-until.ts";
import { newShellRunner, shellLaunch } from "./shell-launch.ts";

// Real processes, on a machine that may be busy.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let root: string;
let runner: ShellRunner;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "shell-runner-"));
  runner = newShellRunner({ ...process.env, SECRET: "hidden" });
});

afterEach(async () => {
  await runner.close();
  rmSync(root, { recursive: true, force: true });
});

function launchOf(command: Command, environment: Pairs = []): Launch {
  return shellLaunch(root, command, environment);
}

async function run(command: Command | string, environment: Pairs = []): Promise<{ exit: Exit; log: Buffer }> {
  const launch = launchOf(typeof command === "string" ? { script: command } : command, environment);
  const exit = await (await runner.start(launch)).exit;
  return { exit, log: existsSync(launch.log) ? readFileSync(launch.log) : Buffer.alloc(0) };
}

async function processesOf(attempt: string): Promise<number[]> {
  return (await takeCensus()).filter((entry) => entry.attempt === attempt).map(({ pid }) => pid);
}

async function expectAllGone(attempt: string): Promise<void> {
  await waitUntil(
    "every process of the attempt is gone",
    async () => (await processesOf(attempt)).length === 0,
    {
      diagnose: () => processesOf(attempt),
    },
  );
}

test("gives the exit status, the output in order, and the wall time", async () => {
  const { exit, log } = await run("echo one; echo two >&2; echo three; exit 3");
  expect(exit).toMatchObject({ kind: "exited", exitCode: 3 });
  expect(exit.kind === "exited" && exit.usage.wallMs).toBeGreaterThan(0);
  expect(log.toString()).toBe("one\ntwo\nthree\n");
});

test("stops a script at its first failing command and names its line", async () => {
  const { exit, log } = await run("echo before\n\nno-such-command-here\necho after\n");
  expect(exit).toMatchObject({ kind: "exited", exitCode: 127 });
  expect(log.toString()).toMatch(/^before\n.*script: 3: .*no-such-command-here: not found\n$/);
});

test("runs an argv without a shell reading it", async () => {
  const { exit, log } = await run({ argv: ["printf", "%s|", "a b", "$HOME", "'", "-n", ""] });
  expect(exit).toMatchObject({ kind: "exited", exitCode: 0 });
  expect(log.toString()).toBe("a b|$HOME|'|-n||");
});

test("reports a program that does not exist as status 127", async () => {
  const { exit } = await run({ argv: ["/no/such/program"] });
  expect(exit).toMatchObject({ kind: "exited", exitCode: 127 });
});

test("reports the signal that ended the command", async () => {
  const { exit } = await run("kill -SEGV $$");
  expect(exit).toMatchObject({ kind: "signalled", signal: "SIGSEGV" });
});

test("starts jobs with default signal dispositions, no terminal and empty input", async () => {
  const { log } = await run("grep -E 'SigIgn|SigBlk' /proc/self/status; cat; tty || true");
  expect(log.toString()).toBe("SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\nnot a tty\n");
});

test("passes the stated part of the host's environment and the job's own, and nothing else", async () => {
  const { log } = await run({ argv: ["env", "-0"] }, [
    ["ONE", "1"],
    ["ONE", "2"],
  ]);
  const names = log
    .toString()
    .split("\0")
    .filter(Boolean)
    .map((line) => line.slice(0, line.indexOf("=")));
  expect(log.toString()).toContain("ONE=2\0");
  expect(names).toContain("PATH");
  expect(names).toContain("MILLRACE_ATTEMPT");
  expect(names).not.toContain("SECRET");
  expect(names.filter((name) => name.startsWith("VITEST"))).toEqual([]);
});

test("carries any environment value and any argument unchanged", async () => {
  const text = fc.string({ unit: "binary", maxLength: 40 }).map((value) => value.replaceAll("\0", ""));
  const awkward = fc.constantFrom(
    "'",
    "$(id)",
    "`id`",
    "a\nb\n",
    "\\",
    "\u0081\u0088",
    "\x81é",
    "-e",
    "#",
    "=",
  );
  const value = fc.oneof(text, awkward).filter((it) => it.isWellFormed());
  await fc.assert(
    fc.asyncProperty(value, value, async (variable, argument) => {
      const { log } = await run({ argv: ["sh", "-c", 'printf "%s\\0%s" "$A" "$1"', "sh", argument] }, [
        ["A", variable],
      ]);
      expect(log.toString()).toBe(`${variable}\0${argument}`);
    }),
    { numRuns: 80 },
  );
});

test("sets variables whose names a shell can't export", async () => {
  const { log } = await run({ argv: ["env", "-0"] }, [
    ["a.b-c", "odd"],
    ["IFS", ":"],
    ["PPID", "7"],
  ]);
  expect(log.toString()).toContain("a.b-c=odd\0");
  expect(log.toString()).toContain("IFS=:\0");
});

test("refuses what no process can be given", async () => {
  const { exit } = await run("true", [["A", "x\0y"]]);
  expect(exit).toMatchObject({ kind: "notStarted", message: expect.stringContaining("NUL") });
});

test("runs a script longer than any argument may be", async () => {
  const { exit, log } = await run(`${": 0123456789\n".repeat(300_000)}echo end\n`);
  expect(exit).toMatchObject({ kind: "exited", exitCode: 0 });
  expect(log.toString()).toBe("end\n");
});

test("keeps huge and binary output byte by byte", async () => {
  const { exit, log } = await run("head -c 30000000 /dev/zero; printf '\\377\\000\\376'");
  expect(exit).toMatchObject({ kind: "exited", exitCode: 0 });
  expect(log.length).toBe(30_000_003);
  expect([...log.subarray(-3)]).toEqual([255, 0, 254]);
});

test("a job sees nothing of the one before it, whichever way it is started", async () => {
  const environmentOf = async (command: Command, environment: Pairs) => {
    const { log } = await run(command, environment);
    const own = ["MILLRACE_WORKSPACE=", "MILLRACE_ATTEMPT=", "PWD="];
    return log
      .toString()
      .split("\0")
      .filter((entry) => !own.some((name) => entry.startsWith(name)));
  };
  const plain = { argv: ["/usr/bin/env", "-0"] };
  const before = await environmentOf(plain, []);
  for (const command of [plain, { argv: ["env", "-0"] }]) {
    expect(await environmentOf(command, [["LEFT", "over"]])).toContain("LEFT=over");
    await environmentOf(command, [["a.b", "odd"]]);
    expect(await environmentOf(plain, [])).toEqual(before);
  }
});

test("runs a program of its workspace by a relative path, and one that has no right to run fails", async () => {
  const launch = launchOf({ argv: ["./tool", "x"] });
  writeFileSync(join(launch.workspace, "tool"), '#!/bin/sh\necho "$1 in $PWD"\n', { mode: 0o700 });
  expect(await (await runner.start(launch)).exit).toMatchObject({ kind: "exited", exitCode: 0 });
  expect(readFileSync(launch.log, "utf8")).toBe(`x in ${launch.workspace}\n`);
  const refused = launchOf({ argv: ["./tool"] });
  writeFileSync(join(refused.workspace, "tool"), "", { mode: 0o600 });
  expect(await (await runner.start(refused)).exit).toMatchObject({ kind: "exited", exitCode: 126 });
});

test("says that a job whose workspace is gone could not be started", async () => {
  const launch = launchOf({ script: "true" });
  rmSync(launch.workspace, { recursive: true });
  expect(await (await runner.start(launch)).exit).toMatchObject({ kind: "notStarted", reason: "workspace" });
  expect((await run("true")).exit).toMatchObject({ kind: "exited", exitCode: 0 });
});

test("measures the CPU time of one job, not of those before it", async () => {
  const busy = await run("i=0; while [ $i -lt 400000 ]; do i=$((i+1)); done");
  const idle = await run("true");
  expect(busy.exit.kind === "exited" && busy.exit.usage.cpuMs).toBeGreaterThanOrEqual(50);
  expect(idle.exit.kind === "exited" && idle.exit.usage.cpuMs).toBeLessThan(50);
});

test("samples the memory of a job that runs for a while, and says so when it did not", async () => {
  const script = "head -c 60000000 /dev/zero | tail -c 60000000 | { sleep 1; wc -c; }";
  const long = await run(script);
  const short = await run("true");
  expect(long.exit.kind === "exited" && long.exit.usage.peakMemoryBytes).toBeGreaterThan(50_000_000);
  expect(short.exit.kind === "exited" && short.exit.usage.peakMemoryBytes).toBeNull();
});

test("TERM reaches grandchildren and lets the job clean up", async () => {
  const launch = launchOf({ script: "trap 'echo bye; exit 9' TERM; (sleep 300 & wait) & wait" });
  const execution = await runner.start(launch);
  await execution.signal("TERM");
  const exit = await execution.exit;
  expect(exit.kind === "exited" || exit.kind === "signalled").toBe(true);
  await expectAllGone(launch.attempt);
});

test("a signal right after the start is never lost", async () => {
  for (let round = 0; round < 30; round += 1) {
    const execution = await runner.start(launchOf({ script: "exec sleep 300" }));
    await execution.signal("TERM");
    expect(await execution.exit).toMatchObject({ kind: "signalled", signal: "SIGTERM" });
  }
});

test("KILL ends what ignores TERM and what left the session, and the next job runs", async () => {
  const launch = launchOf({
    script: "trap '' TERM; setsid sh -c \"trap '' TERM; sleep 300\" & echo up; while :; do sleep 300; done",
  });
  const execution = await runner.start(launch);
  await waitUntil(
    "the job is up",
    () => existsSync(launch.log) && readFileSync(launch.log, "utf8").includes("up"),
  );
  await execution.signal("TERM");
  expect((await processesOf(launch.attempt)).length).toBeGreaterThan(0);
  await execution.signal("KILL");
  expect(await execution.exit).toMatchObject({ kind: "signalled", signal: "SIGKILL" });
  expect(await processesOf(launch.attempt)).toEqual([]);
  expect((await run("true")).exit).toMatchObject({ kind: "exited", exitCode: 0 });
});

test("ends background processes that a finished job left", async () => {
  const launch = launchOf({
    script: "nohup sleep 300 & (trap '' TERM; sleep 301) & setsid sleep 302 & exit 0",
  });
  expect(await (await runner.start(launch)).exit).toMatchObject({ kind: "exited", exitCode: 0 });
  await expectAllGone(launch.attempt);
});

test("says whether anybody may still write to the log of a job", async () => {
  const alone = launchOf({ script: "echo done" });
  await (await runner.start(alone)).exit;
  expect(await runner.isQuiet(alone.attempt)).toBe(true);
  // What has left the session, without the environment, is nobody's that we would know of.
  const leaving = `setsid env -i sh -c 'echo $$ >pid; exec sleep 300' &`;
  const left = launchOf({ script: `${leaving} until [ -s pid ]; do sleep 0.01; done` });
  await (await runner.start(left)).exit;
  expect(await runner.isQuiet(left.attempt)).toBe(false);
  process.kill(Number(readFileSync(join(left.workspace, "pid"), "utf8")), "SIGKILL");
  expect(await runner.isQuiet("never run")).toBe(false);
});

test("a job that signals its own group does not take its spawner along", async () => {
  for (const signal of ["HUP", "INT", "TERM", "USR1", "PIPE"]) {
    const { exit } = await run(`kill -${signal} 0; sleep 5`);
    expect(exit).toMatchObject({ kind: "signalled", signal: `SIG${signal}` });
  }
  expect((await run("echo still here")).log.toString()).toBe("still here\n");
});

test("an attempt whose spawner is killed is unknown, and nothing of it is left", async () => {
  const launch = launchOf({ script: "setsid sleep 300 & kill -KILL 0; sleep 300" });
  const exit = await (await runner.start(launch)).exit;
  expect(exit).toMatchObject({ kind: "unknown", message: expect.stringContaining("SIGKILL") });
  expect(await processesOf(launch.attempt)).toEqual([]);
});
