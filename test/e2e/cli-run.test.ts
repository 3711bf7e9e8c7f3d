import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { RunEvent } from "../../shared/model/event.ts";
import { CommandUser } from "../support/command.ts";
import { waitUntil } from "../support/wait-until.ts";

async function withFile(content: unknown): Promise<CommandUser> {
  const user = await CommandUser.create();
  await writeFile(join(user.folder, "build.json"), JSON.stringify(content));
  return user;
}

const diamond = {
  name: "diamond",
  vars: { WHO: "nobody" },
  jobs: {
    top: { run: 'echo "hello $WHO" > greeting', outputs: ["greeting"] },
    left: { needs: ["top"], run: 'cat "$MILLRACE_INPUTS/top/greeting"' },
    right: { needs: ["top"], run: "echo one; echo two >&2; exit 3" },
    bottom: { needs: ["left", "right"], run: "true" },
    beside: { needs: ["left"], run: "mkdir -p a/b; echo x > a/b/c", outputs: ["a"] },
  },
};

const endless = {
  jobs: { long: { run: "echo started; sleep 600" }, after: { needs: ["long"], run: "true" } },
};

async function agentsOf(user: CommandUser): Promise<number[]> {
  const agents = (await user.processes()).filter((line) => line.includes("/agent/cli/main.js"));
  return agents.map((line) => Number.parseInt(line, 10));
}

async function killAgent(user: CommandUser): Promise<number> {
  const [agent] = await agentsOf(user);
  if (agent === undefined) throw new Error("no agent runs");
  process.kill(agent, "SIGKILL");
  return agent;
}

describe("millrace run", () => {
  it("runs a graph, copies artifacts, sums up the failure and leaves nothing behind", async () => {
    await using user = await withFile(diamond);
    const { status, stdout, stderr } = await user.run(
      "run",
      "build.json",
      "--var",
      "WHO=world",
      "--slots",
      "2",
    );
    expect(status, stderr).toBe(1);
    expect(stdout).toBe("");
    expect(stderr).toMatch(
      /right failed on \S+: exit status 3\n {2}\| one\n {2}\| two\n {2}whole log: millrace logs \S+ right/,
    );
    expect(stderr).toContain("1 job blocked by right: bottom");
    expect(stderr).toContain("3 done, 1 failed, 1 blocked");
    expect(await readFile(join(user.folder, "out/top/greeting"), "utf8")).toBe("hello world\n");
    expect(await readFile(join(user.folder, "out/beside/a/b/c"), "utf8")).toBe("x\n");
    await user.nothingRuns();
    expect(await readdir(join(user.folder, "state/millrace/default/agents"))).toEqual([]);
  });

  it("prints one event a line with --json, and nothing else on stdout", async () => {
    await using user = await withFile(diamond);
    const { status, stdout } = await user.run(
      "run",
      "build.json",
      "left",
      "--json",
      "--no-out",
      "--agents",
      "2",
    );
    expect(status).toBe(0);
    const events = stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as RunEvent);
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
    expect(events.at(-1)).toMatchObject({ type: "run.finished", status: "succeeded" });
    expect(await readdir(user.folder)).not.toContain("out");
  });

  it("fails a job that has waited too long for a slot, though an agent has it in its backlog", async () => {
    await using user = await withFile({
      jobs: {
        busy: { run: "sleep 5", priority: 900 },
        late: { run: "true", timeout: { queue: "1s" } },
        patient: { run: "true", timeout: { queue: "1m" } },
      },
    });
    const { status, stderr } = await user.run("run", "build.json", "--slots", "1");
    expect(status, stderr).toBe(1);
    expect(stderr).toMatch(/late failed: waited longer than 1 s for a slot/);
    expect(stderr).toContain("2 done, 1 failed");
  });

  it("shows what would run and starts nothing with --dry-run", async () => {
    await using user = await withFile(diamond);
    const { status, stdout } = await user.run("run", "build.json", "left", "--dry-run");
    expect(status).toBe(0);
    expect(stdout.split("\n").map((line) => line.split("\t")[0])).toEqual(["top", "left", ""]);
    expect(await readdir(user.folder)).toEqual([".cache", "build.json"]);
  });

  it("reports every mistake with its place and starts nothing", async () => {
    await using user = await withFile({ jobs: { a: { needs: ["b"] }, c: { run: "true", retry: 1 } } });
    const { status, stderr } = await user.run("run", "build.json");
    expect(status).toBe(2);
    expect(
      stderr
        .trimEnd()
        .split("\n")
        .every((line) => /^build\.json:\d+:\d+: /.test(line)),
      stderr,
    ).toBe(true);
    expect(await readdir(user.folder)).toEqual(["build.json"]);
  });

  it.each([
    ["an unknown option", ["run", "build.json", "--slot", "2"]],
    ["an unknown job", ["run", "build.json", "lft"]],
    ["an unknown variable", ["run", "build.json", "--var", "WH=x"]],
    ["a missing file", ["run", "nowhere.yaml"]],
    ["a bad number", ["run", "build.json", "--slots", "many"]],
  ])("ends with status 2 for %s", async (_, args) => {
    await using user = await withFile(diamond);
    const { status, stderr } = await user.run(...args);
    expect(status, stderr).toBe(2);
    expect(await readdir(user.folder)).toEqual(["build.json"]);
  });

  it("refuses to replace a folder that it did not write, before anything starts", async () => {
    await using user = await withFile(diamond);
    await mkdir(join(user.folder, "out/top"), { recursive: true });
    const { status, stderr } = await user.run("run", "build.json");
    expect(status).toBe(2);
    expect(stderr).toContain("out/top is there and was not written by millrace");
    expect(await readdir(user.folder)).not.toContain("state");
  });

  it.each(["SIGINT", "SIGTERM", "SIGHUP"] as const)(
    "cancels the run and puts all in order on %s",
    async (signal) => {
      await using user = await withFile(endless);
      const command = user.start(["run", "build.json"]);
      await waitUntil(
        "the job runs",
        async () => (await user.processes()).some((line) => line.includes("sleep 600")),
        {
          timeoutMs: 30_000,
          diagnose: () => command.stderr,
        },
      );
      command.child.kill(signal);
      const { status, stderr } = await command.ended;
      expect(status, stderr).toBe(130);
      await user.nothingRuns();
      expect(await readdir(join(user.folder, "state/millrace/default/agents"))).toEqual([]);
      const runs = await user.run("runs", "--json");
      expect(JSON.parse(runs.stdout)).toMatchObject([{ status: "cancelled" }]);
    },
  );

  it("leaves nothing running when it is interrupted at any moment of its start", async () => {
    await using user = await withFile(endless);
    for (const afterMs of [50, 200, 350, 500, 700, 1000, 1500]) {
      const command = user.start(["run", "build.json"]);
      const startedAt = performance.now();
      await waitUntil("the moment has come", () => performance.now() - startedAt > afterMs);
      command.child.kill("SIGINT");
      const { status, signal } = await command.ended;
      // Before its code is loaded the signal ends it by itself.
      expect(status === 130 || signal === "SIGINT", `${afterMs} ms: ${status} ${signal}`).toBe(true);
      await user.nothingRuns();
    }
  });

  it("ends at once on a second signal, and all it started soon after", async () => {
    await using user = await withFile({
      jobs: { stubborn: { run: "trap '' TERM; while :; do sleep 1; done" } },
    });
    const command = user.start(["run", "build.json"]);
    await waitUntil(
      "the job runs",
      async () => (await user.processes()).some((line) => line.includes("sleep 1")),
      {
        timeoutMs: 30_000,
        diagnose: () => command.stderr,
      },
    );
    command.child.kill("SIGINT");
    await command.says(/cancelling the run/);
    command.child.kill("SIGINT");
    expect((await command.ended).status).toBe(130);
    await user.nothingRuns(10_000);
  });

  it("takes everything with it when it is killed", async () => {
    await using user = await withFile(endless);
    const command = user.start(["run", "build.json"]);
    await waitUntil(
      "the job runs",
      async () => (await user.processes()).some((line) => line.includes("sleep 600")),
      {
        timeoutMs: 30_000,
        diagnose: () => command.stderr,
      },
    );
    command.child.kill("SIGKILL");
    await command.ended;
    await user.nothingRuns(5_000);
  });

  it("goes on with the same job when its agent is killed", async () => {
    const script = 'echo "$MILLRACE_ATTEMPT" >> "$TRACE"; sleep 4; echo x > result';
    await using user = await withFile({
      vars: { TRACE: "" },
      jobs: { long: { run: script, outputs: ["result"] } },
    });
    const trace = join(user.folder, "trace");
    const command = user.start(["run", "build.json", "--var", `TRACE=${trace}`]);
    await waitUntil("the job runs", () => readFile(trace, "utf8").catch(() => undefined), {
      timeoutMs: 30_000,
      diagnose: () => command.stderr,
    });
    await killAgent(user);
    const { status, stderr } = await command.ended;
    expect(status, stderr).toBe(0);
    expect((await readFile(trace, "utf8")).trim().split("\n")).toHaveLength(1);
    expect(await readFile(join(user.folder, "out/long/result"), "utf8")).toBe("x\n");
    await user.nothingRuns();
  });

  it("leaves no job running when its agent is killed and then the run is interrupted", async () => {
    await using user = await withFile(endless);
    const command = user.start(["run", "build.json"]);
    await waitUntil("the job runs", async () =>
      (await user.processes()).some((line) => line.includes("sleep 600")),
    );
    const killed = await killAgent(user);
    // Its successor may not have begun to look for what it takes over.
    await waitUntil("it has a successor", async () => (await agentsOf(user)).some((pid) => pid !== killed));
    command.child.kill("SIGINT");
    expect((await command.ended).status).toBe(130);
    await user.nothingRuns();
  });

  it("gives up with status 3 when --timeout has passed", async () => {
    await using user = await withFile(endless);
    const { status, stderr } = await user.run("run", "build.json", "--timeout", "4s");
    expect(status, stderr).toBe(3);
    expect(stderr).toContain("gave up after 4 s");
    await user.nothingRuns();
  });

  it("keeps the workspaces of failed jobs and says where", async () => {
    await using user = await withFile({ jobs: { bad: { run: "echo evidence > trace; exit 1" } } });
    const { status, stderr } = await user.run("run", "build.json", "--keep-failed");
    expect(status).toBe(1);
    const kept = /kept the failed workspace (.*)/.exec(stderr)?.[1] ?? "";
    expect(await readFile(join(kept, "work/trace"), "utf8")).toBe("evidence\n");
  });

  it("ends with status 3 within seconds when the named server is not there", async () => {
    await using user = await withFile(diamond);
    const { status, stderr } = await user.run("run", "build.json", "--server", "nats://127.0.0.1:1");
    expect(status, stderr).toBe(3);
  });
});
