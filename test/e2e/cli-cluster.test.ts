import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { CommandUser } from "../support/command.ts";

describe("millrace up", () => {
  it("serves submitted runs until it is interrupted", async () => {
    await using user = await CommandUser.create();
    const jobs = {
      slow: { run: "echo begun; sleep 1; echo ended" },
      after: { needs: ["slow"], run: "exit 5" },
    };
    await writeFile(join(user.folder, "build.json"), JSON.stringify({ jobs }));
    const up = user.start(["up", "--slots", "2"]);
    await up.says(/the local cluster is up/);

    const { status, stdout } = await user.run("submit", "build.json");
    expect(status).toBe(0);
    const run = stdout.trimEnd();
    expect(run).toMatch(/^[a-z0-9-]{1,40}$/);
    const [logs, watch] = await Promise.all([
      user.run("logs", "-f", run, "slow"),
      user.run("watch", run, "--json"),
    ]);
    expect(logs).toMatchObject({ status: 0, stdout: "begun\nended\n" });
    expect(watch.status).toBe(1);

    const [agent] = JSON.parse((await user.run("agents", "--json")).stdout) as { agent: string }[];
    const name = agent?.agent ?? "";
    expect((await user.run("agents", "hold", name)).status).toBe(0);
    const held = (await user.run("submit", "build.json")).stdout.trimEnd();
    expect((await user.run("explain", held, "slow")).stdout).toMatch(/slow is ready/);
    expect((await user.run("priority", held, "900")).status).toBe(0);
    expect((await user.run("cancel", held)).status).toBe(0);
    expect((await user.run("watch", held)).status).toBe(130);
    expect((await user.run("agents", "resume", name)).status).toBe(0);
    expect((await user.run("submit", "build.json", "--follow")).status).toBe(1);

    up.child.kill("SIGINT");
    expect((await up.ended).status).toBe(0);
    await user.nothingRuns();
  });
});
