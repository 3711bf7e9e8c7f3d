import { chown, mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { createContainerRunner } from "../../../agent/runners/container-runner.ts";
import { listContainers } from "../../../agent/runners/container-state.ts";
import { detectEngine, type Engine } from "../../../agent/runners/engine.ts";
import { findImage } from "../../../agent/runners/image-digest.ts";
import type { Execution, Exit, Launch, Runner } from "../../../agent/runners/runner.ts";
import { startTestDocker } from "../../support/docker.ts";
import { makeBusyboxImage, makeShelllessImage } from "../../support/image.ts";
import { waitUntil } from "../../support/wait-until.ts";
import { makeLaunch, type TestLaunch } from "./container-launch.ts";

const image = "millrace-test/busybox:1";
const shelllessImage = "millrace-test/shellless:1";
const agent = "tester";
const folder = "/var/lib/tester";
const docker = await startTestDocker();

describe.skipIf(docker === undefined)("a container", () => {
  let engine: Engine;
  let runner: Runner;
  const troubles: unknown[] = [];

  beforeAll(async () => {
    if (docker === undefined) return;
    await makeBusyboxImage(docker, image);
    await makeShelllessImage(docker, shelllessImage);
    const found = await detectEngine();
    if (found === undefined) throw new Error("the engine of the tests is not detected");
    engine = found;
    runner = createContainerRunner({ engine, agent, folder, onTrouble: (error) => troubles.push(error) });
  });

  afterEach(async () => {
    const left = await listContainers(engine, { folder });
    // Removed before it is judged, so that one failure is not the next test's too.
    await Promise.all(left.map(({ attempt }) => runner.sweep(attempt)));
    expect(troubles.splice(0)).toEqual([]);
    expect(left).toEqual([]);
  });

  afterAll(async () => {
    await runner?.close();
    await docker?.stop();
  });

  async function run(launch: Launch): Promise<Exit> {
    return await (await runner.start(launch)).exit;
  }

  async function startedSaying(word: string, launch: TestLaunch): Promise<Execution> {
    const execution = await runner.start(launch);
    const output = async (): Promise<string> =>
      (await stat(launch.log).catch(() => undefined)) ? launch.output() : "";
    await waitUntil(`the job says ${word}`, async () => (await output()).includes(word), {
      diagnose: output,
    });
    return execution;
  }

  test("succeeds with its output in order, its time and its memory", async () => {
    await using launch = await makeLaunch(
      image,
      "for i in 1 2 3; do echo out $i; echo err $i >&2; done; sleep 0.2",
    );
    const exit = await run(launch);
    expect(exit).toMatchObject({ kind: "exited", exitCode: 0 });
    expect(await launch.output()).toBe("out 1\nerr 1\nout 2\nerr 2\nout 3\nerr 3\n");
    if (exit.kind !== "exited") throw new Error("not reached");
    expect(exit.usage.wallMs).toBeGreaterThan(150);
    expect(exit.usage.cpuMs).toBeGreaterThan(0);
    expect(exit.usage.peakMemoryBytes ?? 1).toBeGreaterThan(0);
  });

  test("says which image it ran in, the one that its name stands for", async () => {
    const own = "millrace-test/named:1";
    docker?.docker(["tag", image, own]);
    await using launch = await makeLaunch(own, "true");
    const exit = await run(launch);
    if (exit.kind !== "exited") throw new Error(JSON.stringify(exit));
    expect(exit.usage.image).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(await findImage(engine, own)).toEqual({ digest: exit.usage.image, problem: null });
    const missing = await findImage(engine, "millrace-test/none:1");
    expect(missing).toMatchObject({ digest: null, problem: expect.stringContaining("none:1") });
  });

  test("ends with the exit status of its command", async () => {
    await using launch = await makeLaunch(image, "false; echo not reached");
    expect(await run(launch)).toMatchObject({ kind: "exited", exitCode: 1 });
    await using other = await makeLaunch(image, "exit 42");
    expect(await run(other)).toMatchObject({ kind: "exited", exitCode: 42 });
  });

  test("reports the signal that ended its command", async () => {
    await using launch = await makeLaunch(image, "kill -SEGV $$");
    expect(await run(launch)).toMatchObject({ kind: "signalled", signal: "SIGSEGV" });
  });

  test("runs a script of any content and size as it is", async () => {
    const filler = "# 'quotes\" $dollars `ticks` \\ %\n".repeat(20_000);
    const script = `${filler}cat <<'END'\n$0 "\\n" 'x' ünï %s\nEND\nprintf '%s\\n' "$ODD"`;
    const odd = "two\nlines, 'and' \"quotes\" $HOME";
    await using launch = await makeLaunch(image, script, { environment: [["ODD", odd]] });
    expect(await run(launch)).toMatchObject({ kind: "exited", exitCode: 0 });
    expect(await launch.output()).toBe(`$0 "\\n" 'x' ünï %s\n${odd}\n`);
  });

  test("passes an argument vector without interpreting it", async () => {
    const argv = ["printf", "%s|", "a b", "", "--help", "$x", "*"];
    await using launch = await makeLaunch(image, { argv });
    expect(await run(launch)).toMatchObject({ kind: "exited", exitCode: 0 });
    expect(await launch.output()).toBe("a b||--help|$x|*|");
  });

  test("ends with 127 when the command is not in the image", async () => {
    await using launch = await makeLaunch(image, { argv: ["no-such-program"] });
    expect(await run(launch)).toMatchObject({ kind: "exited", exitCode: 127 });
    expect(await launch.output()).toContain("no-such-program");
  });

  test("runs an argument vector in an image without a shell, and refuses a script there", async () => {
    for (const word of ["first", "again"]) {
      await using launch = await makeLaunch(shelllessImage, { argv: ["/bin/busybox", "echo", word] });
      expect(await run(launch)).toMatchObject({ kind: "exited", exitCode: 0, usage: { cpuMs: null } });
      expect(await launch.output()).toBe(`${word}\n`);
    }
    await using launch = await makeLaunch(shelllessImage, "echo x");
    expect(await run(launch)).toMatchObject({ kind: "notStarted", reason: "image" });
  });

  test("keeps output that is not UTF-8 byte for byte", async () => {
    await using launch = await makeLaunch(image, "printf '\\377\\000\\200'; head -c 300000 /dev/zero");
    expect(await run(launch)).toMatchObject({ kind: "exited", exitCode: 0 });
    expect((await stat(launch.log)).size).toBe(300_003);
  });

  test("sees workspace, inputs and sources, and may write the workspace only", async () => {
    await using launch = await makeLaunch(
      image,
      `pwd; cat "$MILLRACE_INPUTS/a/x" "$MILLRACE_SOURCE/y"
       mkdir made; echo made > "$MILLRACE_WORKSPACE/made/file"
       for place in "$MILLRACE_INPUTS" "$MILLRACE_SOURCE"; do ! touch "$place/z" 2>/dev/null; done`,
    );
    const inputs = join(launch.folder, 'inputs, "odd": name');
    await mkdir(join(inputs, "a"), { recursive: true });
    await writeFile(join(inputs, "a", "x"), "from a\n");
    await writeFile(join(launch.folder, "source", "y"), "from source\n");
    const exit = await run({ ...launch, inputs, sources: join(launch.folder, "source") });
    expect(await launch.output()).toBe("/workspace\nfrom a\nfrom source\n");
    expect(exit).toMatchObject({ kind: "exited", exitCode: 0 });
    const made = await stat(join(launch.workspace, "made", "file"));
    expect([made.uid, made.gid]).toEqual([process.getuid?.(), process.getgid?.()]);
  });

  test("runs as the user that the engine's options name", async () => {
    const other = createContainerRunner({
      engine: { ...engine, userOptions: ["--user=12345:54321"] },
      agent,
      folder: "/var/lib/other",
      onTrouble: (error) => troubles.push(error),
    });
    await using launch = await makeLaunch(image, "id -u; id -g; echo x > mine");
    await chown(launch.workspace, 12345, 54321);
    expect(await (await other.start(launch)).exit).toMatchObject({ kind: "exited", exitCode: 0 });
    expect(await launch.output()).toBe("12345\n54321\n");
    const mine = await stat(join(launch.workspace, "mine"));
    expect([mine.uid, mine.gid]).toEqual([12345, 54321]);
  });

  test("carries labels for its attempt, run, job and agent", async () => {
    await using launch = await makeLaunch(image, "echo up; sleep 60");
    const execution = await startedSaying("up", launch);
    const [container] = await listContainers(engine, { attempt: launch.attempt });
    expect(container).toMatchObject({ attempt: launch.attempt, state: { kind: "running" } });
    const labels = docker?.docker(["inspect", "--format", "{{json .Config.Labels}}", container?.id ?? ""]);
    const [run, job] = launch.attempt.split("/");
    expect(JSON.parse(labels ?? "")).toEqual({
      "millrace.attempt": launch.attempt,
      "millrace.run": run,
      "millrace.job": job,
      "millrace.agent": agent,
      "millrace.folder": folder,
    });
    await execution.signal("KILL");
    expect(await execution.exit).toMatchObject({ kind: "signalled", signal: "SIGKILL" });
  });

  test("ends as out of memory when a process of it passes the limit", async () => {
    const memoryBytes = 32 * 1024 * 1024;
    await using launch = await makeLaunch(image, "head -c 200m /dev/zero | tail > /dev/null; exit 1", {
      memoryBytes,
    });
    expect(await run(launch)).toMatchObject({ kind: "outOfMemory" });
  });

  test("has its processor limit in its cgroup", async () => {
    const script =
      "cd /sys/fs/cgroup; cat cpu/cpu.cfs_quota_us cpu/cpu.cfs_period_us 2>/dev/null || cat cpu.max";
    await using launch = await makeLaunch(image, script, { cpu: 0.5 });
    expect(await run(launch)).toMatchObject({ kind: "exited", exitCode: 0 });
    expect((await launch.output()).trim().split(/\s+/)).toEqual(["50000", "100000"]);
  });

  test("takes a processor limit above what the host has as no limit", async () => {
    await using launch = await makeLaunch(image, "true", { cpu: 10_000 });
    expect(await run(launch)).toMatchObject({ kind: "exited", exitCode: 0 });
  });

  test("has no network but loopback with the network none, and one by default", async () => {
    const script = "ls /sys/class/net | grep -c eth || true";
    await using alone = await makeLaunch(image, script, { network: "none" });
    expect(await run(alone)).toMatchObject({ kind: "exited", exitCode: 0 });
    expect(await alone.output()).toBe("0\n");
    await using bridged = await makeLaunch(image, script, { network: undefined });
    expect(await run(bridged)).toMatchObject({ kind: "exited", exitCode: 0 });
    expect(await bridged.output()).toBe("1\n");
  });

  test("ends on TERM, and is still measured", async () => {
    await using launch = await makeLaunch(image, "echo up; sleep 60");
    const execution = await startedSaying("up", launch);
    await execution.signal("TERM");
    const exit = await execution.exit;
    expect(exit).toMatchObject({ kind: "signalled", signal: "SIGTERM" });
    if (exit.kind === "signalled") expect(exit.usage.cpuMs).not.toBeNull();
    await execution.signal("KILL");
  });

  test("gives TERM to processes that have left its process group, too", async () => {
    const script =
      "setsid sh -c 'trap \"echo heard; exit 0\" TERM; echo up; while :; do sleep 0.02; done' & wait || wait";
    await using launch = await makeLaunch(image, `trap : TERM; ${script}`);
    const execution = await startedSaying("up", launch);
    await execution.signal("TERM");
    await execution.exit;
    expect(await launch.output()).toContain("heard");
  });

  test("ends on KILL when it ignores TERM", async () => {
    await using launch = await makeLaunch(
      image,
      "trap 'echo deaf' TERM; echo up; while :; do sleep 0.05 || :; done",
    );
    const execution = await startedSaying("up", launch);
    await execution.signal("TERM");
    await waitUntil("the job has seen TERM", async () => (await launch.output()).includes("deaf"));
    await execution.signal("KILL");
    expect(await execution.exit).toMatchObject({ kind: "signalled", signal: "SIGKILL" });
  });

  test("that is signalled before it runs does not run", async () => {
    await using launch = await makeLaunch(image, "sleep 60; echo ran");
    const execution = await runner.start(launch);
    await execution.signal("TERM");
    expect(await execution.exit).toMatchObject({ kind: "signalled", signal: "SIGTERM" });
  });

  test("goes on, and keeps its output whole, when the client that carries it is killed", async () => {
    const script = "i=0; while [ $i -lt 40 ]; do i=$((i+1)); echo line $i; sleep 0.05; done; exit 7";
    await using launch = await makeLaunch(image, script);
    const execution = await startedSaying("line 3", launch);
    const [container] = await listContainers(engine, { attempt: launch.attempt });
    process.kill(await clientOf(container?.id ?? ""), "SIGKILL");
    expect(await execution.exit).toMatchObject({ kind: "exited", exitCode: 7 });
    const expected = Array.from({ length: 40 }, (_, i) => `line ${i + 1}\n`).join("");
    expect(await launch.output()).toBe(expected);
  });

  test("that someone removes ends as unknown", async () => {
    await using launch = await makeLaunch(image, "echo up; sleep 60");
    const execution = await startedSaying("up", launch);
    await runner.sweep(launch.attempt);
    expect(["unknown", "signalled"]).toContain((await execution.exit).kind);
  });

  test("leaves nothing behind when twenty run at a time", { timeout: 120_000 }, async () => {
    const launches = await Promise.all(
      Array.from({ length: 20 }, (_, i) => makeLaunch(image, `echo number ${i}; exit ${i}`)),
    );
    const exits = await Promise.all(launches.map(run));
    expect(exits.map((exit) => (exit.kind === "exited" ? exit.exitCode : exit))).toEqual(
      Array.from({ length: 20 }, (_, i) => i),
    );
    expect(await Promise.all(launches.map((launch) => launch.output()))).toEqual(
      Array.from({ length: 20 }, (_, i) => `number ${i}\n`),
    );
    await Promise.all(launches.map((launch) => launch[Symbol.asyncDispose]()));
  });

  test("of an earlier agent is listed with its state, and swept by its attempt", async () => {
    const labels = (attempt: string): string[] => [
      `--label=millrace.attempt=${attempt}`,
      `--label=millrace.folder=${folder}`,
    ];
    docker?.docker(["run", "--detach", ...labels("old/1/1/x"), image, "sleep", "600"]);
    expect(() => docker?.docker(["run", ...labels("old/2/1/x"), image, "sh", "-c", "exit 9"])).toThrow();
    const listed = await listContainers(engine, { folder });
    expect(new Map(listed.map(({ attempt, state }) => [attempt, state]))).toEqual(
      new Map<string, unknown>([
        ["old/1/1/x", { kind: "running" }],
        ["old/2/1/x", expect.objectContaining({ kind: "ended", exitCode: 9 })],
      ]),
    );
    await runner.sweep("old/1/1/x");
    expect((await listContainers(engine, { folder })).map(({ attempt }) => attempt)).toEqual(["old/2/1/x"]);
    await runner.sweep("old/2/1/x");
    await runner.sweep("old/3/1/x");
  });

  test("is refused for its image when that can't be had", async () => {
    await using launch = await makeLaunch("localhost:1/no/such-image:7", "true");
    const exit = await run(launch);
    expect(exit).toMatchObject({ kind: "notStarted", reason: "image" });
    if (exit.kind === "notStarted") expect(exit.message).toMatch(/localhost:1\/no\/such-image:7.*: \S/);
  });

  test.each(["--privileged", "", "Not A Reference"])("is refused for an image named '%s'", async (name) => {
    await using launch = await makeLaunch(name, "true");
    expect(await run(launch)).toMatchObject({ kind: "notStarted", reason: "image" });
  });

  test("is refused when its command can't be handed over", async () => {
    await using withNul = await makeLaunch(image, { argv: ["echo", "a\0b"] });
    expect(await run(withNul)).toMatchObject({ kind: "notStarted", reason: "workspace" });
    await using tooLong = await makeLaunch(image, { argv: ["echo", "x".repeat(200_000)] });
    expect(await run(tooLong)).toMatchObject({ kind: "notStarted", reason: "engine" });
  });

  test("is refused by the engine when its network does not exist", async () => {
    await using launch = await makeLaunch(image, "true", { network: "no-such-network" });
    const exit = await run(launch);
    expect(exit).toMatchObject({ kind: "notStarted", reason: "engine" });
    if (exit.kind === "notStarted") expect(exit.message).toContain("no-such-network");
  });
});

async function clientOf(id: string): Promise<number> {
  return await waitUntil("the client of the container is found", async () => {
    for (const pid of await readdir("/proc")) {
      const line = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
      if (line.includes(`start\0--attach\0${id}`)) return Number(pid);
    }
    return undefined;
  });
}
