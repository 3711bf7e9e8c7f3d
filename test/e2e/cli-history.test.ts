import { open, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CommandUser } from "../support/command.ts";

/** What a user can look up after a run, with the local cluster started anew by each command. */
describe("after a run", () => {
  let user: CommandUser;

  beforeAll(async () => {
    user = await CommandUser.create();
    const jobs = {
      ok: { run: "echo fine; echo x > file", outputs: ["file"], env: { LEVEL: "2" } },
      bad: { needs: ["ok"], run: "echo broken; exit 42" },
      never: { needs: ["bad"], run: "true" },
    };
    await writeFile(join(user.folder, "build.json"), JSON.stringify({ jobs }));
    const { status, stderr } = await user.run("run", "build.json", "--no-out");
    expect(status, stderr).toBe(1);
  });
  afterAll(async () => {
    await user[Symbol.asyncDispose]();
  });

  it("lists it, by its id, the start of its id, and `last`", async () => {
    const [run] = JSON.parse((await user.run("runs", "--json")).stdout) as { run: string }[];
    const id = run?.run ?? "";
    for (const reference of [id, id.slice(0, -3), "last"]) {
      const { status, stdout } = await user.run("status", reference);
      expect(status).toBe(0);
      expect(stdout).toContain(`run ${id}: failed`);
    }
  });

  it("prints logs, and ends with the job's own status when following", async () => {
    expect((await user.run("logs", "last", "bad")).stdout).toBe("broken\n");
    expect((await user.run("logs", "last")).stdout).toBe("ok | fine\nbad | broken\n");
    const followed = await user.run("logs", "-f", "last", "bad");
    expect(followed).toMatchObject({ status: 42, stdout: "broken\n" });
  });

  it("lists jobs and artifacts over runs, and finds runs by what their jobs were", async () => {
    const listed = JSON.parse((await user.run("jobs", "--json")).stdout) as { job: string; phase: string }[];
    expect(listed.map(({ job, phase }) => `${job} ${phase}`)).toEqual([
      "ok succeeded",
      "bad failed",
      "never blocked",
    ]);
    expect((await user.run("jobs", "last", "--phase", "failed", "--csv")).stdout).toMatch(
      /^[^,]+,bad,failed,run,/,
    );
    expect((await user.run("jobs", "-E", "LEVEL=2", "--newer-than", "1h")).stdout).toMatch(/^\S+\tok\t/);
    expect((await user.run("jobs", "--older-than", "1h")).stdout).toBe("");
    expect((await user.run("artifacts", "--limit", "1")).stdout).toMatch(/\tok\t1\t2\t[0-9a-f]{64}\n$/);
    expect((await user.run("runs", "-E", "LEVEL=2")).stdout).toMatch(/\tfailed\t3\t1\t1\t/);
    const other = await user.run("runs", "-E", "LEVEL=1", "--agent", "nobody");
    expect(other).toMatchObject({ status: 0, stdout: "" });
    expect((await user.run("log-of", "last", "bad")).stdout).toBe("broken\n");
  });

  it("explains, draws, replays and hands out artifacts", async () => {
    expect((await user.run("explain", "last", "never")).stdout).toMatch(/never is blocked/);
    expect((await user.run("graph", "last", "--format", "mermaid")).stdout).toContain(":::blocked");
    const events = await user.run("events", "--run", "last", "--type", "job.failed", "--json");
    expect(JSON.parse(events.stdout)).toMatchObject({ job: "bad", outcome: { exitCode: 42 } });
    expect((await user.run("artifacts", "list", "last", "ok")).stdout).toMatch(/^file\t2\tfile$/m);
    expect((await user.run("artifacts", "get", "last", "--out", "got")).status).toBe(0);
    expect((await user.run("watch", "last")).status).toBe(1);
  });

  it("says with status 2 what is not there", async () => {
    for (const args of [
      ["logs", "nope"],
      ["logs", "last", "nope"],
      ["explain", "last", "nope"],
    ]) {
      const { status, stderr } = await user.run(...args);
      expect(`${status} ${stderr}`).toMatch(/^2 millrace: .*nope/);
    }
  });
});

describe("before any run", () => {
  it("shows that there is nothing yet", async () => {
    await using user = await CommandUser.create();
    expect(await user.run("events")).toMatchObject({ status: 0, stdout: "" });
    expect(await user.run("runs", "--json")).toMatchObject({ status: 0, stdout: "[]\n" });
  });
});

describe("a full disk", () => {
  it("behind stdout ends a command with status 3 and one sentence", async () => {
    await using user = await CommandUser.create();
    await writeFile(join(user.folder, "build.json"), JSON.stringify({ jobs: { a: { run: "true" } } }));
    const full = await open("/dev/full", "w");
    try {
      const { status, stderr } = await user.start(["graph", "build.json"], {}, full.fd).ended;
      expect(stderr).toMatch(/^millrace: its output can't be written: ENOSPC.*\n$/);
      expect(status).toBe(3);
    } finally {
      await full.close();
    }
  });
});
