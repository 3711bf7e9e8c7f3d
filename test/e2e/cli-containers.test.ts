import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CommandUser } from "../support/command.ts";
import { startTestDocker } from "../support/docker.ts";
import { makeBusyboxImage } from "../support/image.ts";
import { waitUntil } from "../support/wait-until.ts";

const image = "millrace-test/busybox:1";
const docker = await startTestDocker();
afterAll(async () => docker?.stop());

const containers = (...flags: string[]): string[] =>
  docker
    ?.docker(["ps", "--quiet", "--filter", "label=millrace.run", ...flags])
    .split("\n")
    .filter(Boolean) ?? [];

async function withRunFile(text: string): Promise<CommandUser> {
  const user = await CommandUser.create();
  await writeFile(join(user.folder, "build.yaml"), text);
  return user;
}

describe.skipIf(docker === undefined)("a run with containers", () => {
  beforeAll(async () => {
    if (docker !== undefined) await makeBusyboxImage(docker, image);
  });

  it("passes outputs from container to container and to the host, and removes the containers", async () => {
    await using user = await withRunFile(`
defaults: {image: "${image}", network: none}
jobs:
  make: {run: echo made > part, outputs: [part]}
  check: {needs: [make], run: 'cat "$MILLRACE_INPUTS"/make/part > whole', outputs: [whole]}
`);
    const { status, stderr } = await user.run("run", "build.yaml");
    expect(stderr).toContain("2 done");
    expect(status).toBe(0);
    expect(await readFile(join(user.folder, "out/check/whole"), "utf8")).toBe("made\n");
    expect(containers("--all")).toEqual([]);
  });

  it.each(["SIGINT", "SIGKILL"] as const)("leaves no container behind after %s", async (signal) => {
    await using user = await withRunFile(`
defaults: {image: "${image}", network: none}
jobs:
  stubborn: {run: trap "" TERM; sleep 300}
  plain: {run: sleep 300}
`);
    const command = user.start(["run", "build.yaml", "--slots", "2"]);
    await waitUntil("both containers run", () => containers().length === 2, {
      timeoutMs: 30_000,
      diagnose: () => command.stderr,
    });
    command.child.kill(signal);
    const { status } = await command.ended;
    expect(status).toBe(signal === "SIGINT" ? 130 : null);
    await user.nothingRuns();
    await waitUntil("no container is left", () => containers("--all").length === 0, { timeoutMs: 5_000 });
  });
});
