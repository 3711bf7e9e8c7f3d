import { randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CommandUser } from "../support/command.ts";
import { startTestDocker } from "../support/docker.ts";
import { makeBusyboxImage } from "../support/image.ts";
import { waitUntil } from "../support/wait-until.ts";

const image = "millrace-test/busybox:1";
const docker = await startTestDocker();
afterAll(async () => docker?.stop());

/** `millrace up` with an agent. */
async function clusterUser(): Promise<{ user: CommandUser; stop: () => Promise<void> }> {
  const user = await CommandUser.create();
  const up = user.start(["up", "--slots", "1"]);
  await up.says(/the local cluster is up/);
  await waitUntil("the agent is there", async () => (await user.run("agents")).stdout !== "");
  const stop = async (): Promise<void> => {
    up.child.kill("SIGINT");
    await up.ended;
  };
  return { user, stop };
}

describe.skipIf(docker === undefined)("the commands about agents' hosts", () => {
  beforeAll(async () => {
    if (docker !== undefined) await makeBusyboxImage(docker, image);
  });

  it("show, look into, stop and remove containers, and leave those of others alone", async () => {
    const { user: held, stop } = await clusterUser();
    await using user = held;
    const name = `millrace-test-${randomBytes(4).toString("hex")}`;
    const other = ["run", "--detach", "--name", name, "--init", "--network=none", image, "sleep", "300"];
    docker?.docker(other);
    try {
      const job = { image, network: "none", run: "echo begun; sleep 300", retries: 0 };
      await writeFile(join(user.folder, "build.json"), JSON.stringify({ jobs: { slow: job } }));
      const run = (await user.run("submit", "build.json")).stdout.trimEnd();
      const containers = async (...more: string[]) => {
        const { stdout } = await user.run("agents", "containers", "list", "--json", ...more);
        return JSON.parse(stdout) as { id: string; name: string; run: string | null }[];
      };
      const listed = await waitUntil("the job's container is listed", async () => {
        const found = await containers();
        return found.length === 1 ? found : undefined;
      });
      expect(listed).toMatchObject([{ run }]);
      const id = listed[0]?.id ?? "";
      expect((await containers("--all")).map((one) => one.name)).toContain(name);

      const exec = await user.run("agents", "containers", "exec", id, "--", "sh", "-c", "echo in; exit 7");
      expect(exec).toMatchObject({ status: 7, stdout: "in\n" });
      expect((await user.run("agents", "containers", "top")).stdout).toContain("sleep 300");
      expect((await user.run("agents", "containers", "inspect", name)).stdout).toContain(`/${name}`);

      const unsaid = await user.run("agents", "containers", "stop");
      expect(unsaid).toMatchObject({ status: 2, stderr: expect.stringContaining("Say with --yes") });
      const stopped = await user.run("agents", "containers", "stop", "--yes", "--grace", "1s", "--csv");
      expect(stopped).toMatchObject({
        status: 0,
        stdout: expect.stringMatching(new RegExp(`,${id},stopped\n$`)),
      });
      expect((await user.run("watch", run)).status).toBe(1);
      expect((await containers("--all")).map((one) => one.name)).toContain(name);
      expect((await user.run("agents", "containers", "stop", name, "--yes", "--grace", "1s")).status).toBe(0);
      expect((await user.run("agents", "containers", "prune", "--yes")).stderr).toContain(
        "no such container",
      );
      expect((await user.run("agents", "containers", "prune", name, "--yes")).status).toBe(0);
      expect(await containers("--all", "--list-stopped")).not.toContainEqual(
        expect.objectContaining({ name }),
      );
    } finally {
      await stop();
      if (docker?.docker(["ps", "--all", "--quiet", "--filter", `name=${name}`]) !== "")
        docker?.docker(["rm", "--force", name]);
    }
  });

  it("tell how fast agents answer, what they are, and which images they lack", async () => {
    const { user: held, stop } = await clusterUser();
    await using user = held;
    try {
      const ping = await user.run("agents", "ping", "-n", "2", "--sleep", "1ms", "--json");
      expect(ping.status).toBe(0);
      expect(JSON.parse(ping.stdout)).toMatchObject([
        { ms: [expect.any(Number), expect.any(Number)], lost: 0 },
      ]);
      const unknown = await user.run("agents", "ping", "nobody");
      expect(unknown).toMatchObject({ status: 2, stderr: expect.stringContaining('no agent "nobody"') });
      const stats = await user.run("agents", "stats", "--csv");
      expect(stats.stdout.trimEnd().split(",")).toHaveLength(11);
      expect((await user.run("agents", "images", "list", "--csv")).stdout).toContain(image);
      const there = await user.run("agents", "images", "verify-present", image);
      expect(there).toMatchObject({ status: 0, stdout: expect.stringContaining("sha256:") });
      const missing = await user.run(
        "agents",
        "images",
        "verify-present",
        image,
        "millrace-test/none:1",
        "--csv",
      );
      expect(missing).toMatchObject({ status: 1, stdout: expect.stringContaining("none:1,missing") });
    } finally {
      await stop();
    }
  });
});
