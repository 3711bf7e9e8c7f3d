import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { createContainerRunner } from "../../../agent/runners/container-runner.ts";
import { listContainers } from "../../../agent/runners/container-state.ts";
import { detectEngine, type Engine } from "../../../agent/runners/engine.ts";
import type { Execution, Runner } from "../../../agent/runners/runner.ts";
import type { MillraceError } from "../../../shared/model/error.ts";
import { startTestDocker } from "../../support/docker.ts";
import { makeBusyboxImage } from "../../support/image.ts";
import { waitUntil } from "../../support/wait-until.ts";
import { makeLaunch, type TestLaunch } from "./container-launch.ts";

const image = "millrace-test/busybox:1";
const docker = await startTestDocker();
afterAll(async () => docker?.stop());

function refuseTrouble(error: MillraceError): void {
  throw error;
}

describe("without a container engine", () => {
  const folders: string[] = [];

  async function folderWith(files: Record<string, string>): Promise<string> {
    const folder = await mkdtemp(join(tmpdir(), "mr-engine-"));
    folders.push(folder);
    await Promise.all(
      Object.entries(files).map(([name, text]) => writeFile(join(folder, name), text, { mode: 0o755 })),
    );
    return folder;
  }

  afterEach(async () => {
    vi.unstubAllEnvs();
    await Promise.all(folders.splice(0).map((folder) => rm(folder, { recursive: true })));
  });

  test("none is detected, whether it is not installed, does not answer, or is not wanted", async () => {
    vi.stubEnv("PATH", await folderWith({}));
    expect(await detectEngine()).toBeUndefined();
    expect(await detectEngine("/no/such/engine")).toBeUndefined();
    vi.stubEnv(
      "PATH",
      await folderWith({ docker: "#!/bin/sh\nexit 1\n", podman: "#!/bin/sh\necho nonsense\n" }),
    );
    expect(await detectEngine()).toBeUndefined();
    expect(await detectEngine("none")).toBeUndefined();
  });

  test("podman is detected when docker does not answer, with its way of mapping users", async () => {
    const podman = `#!/bin/sh\necho '{"version":"4.3.1","rootless":true}'\n`;
    const folder = await folderWith({ docker: "#!/bin/sh\nexit 1\n", podman });
    vi.stubEnv("PATH", folder);
    const user = `--user=${process.getuid?.()}:${process.getgid?.()}`;
    expect(await detectEngine()).toEqual({
      kind: "podman",
      binary: join(folder, "podman"),
      version: "podman 4.3.1",
      userOptions: [user, "--userns=keep-id"],
      rootOptions: ["--user=0:0"],
      laysOver: false,
    });
    vi.stubEnv("MILLRACE_CONTAINER_ENGINE", "docker");
    expect(await detectEngine()).toBeUndefined();
  });

  test("rootless docker and docker that remaps users keep a job's files removable", async () => {
    const dockerSaying = (security: string): string =>
      `#!/bin/sh\necho '{"version":"28.2.2+dfsg","security":["name=seccomp",${security}]}'\n`;
    vi.stubEnv("PATH", await folderWith({ docker: dockerSaying('"name=rootless"') }));
    expect(await detectEngine()).toMatchObject({ version: "docker 28.2.2", userOptions: ["--user=0:0"] });
    vi.stubEnv("PATH", await folderWith({ docker: dockerSaying('"name=userns"') }));
    expect((await detectEngine())?.userOptions).toContain("--userns=host");
  });

  test("a job is refused for the engine, and the runner goes on", async () => {
    const runner = createContainerRunner({
      engine: undefined,
      agent: "a",
      folder: "/f",
      onTrouble: refuseTrouble,
    });
    await using launch = await makeLaunch(image, "true");
    const execution = await runner.start(launch);
    await execution.signal("TERM");
    expect(await execution.exit).toMatchObject({ kind: "notStarted", reason: "engine" });
    await runner.sweep(launch.attempt);
  });

  test("a job is refused with the engine's words when its daemon does not run", async () => {
    const folder = await folderWith({
      docker: "#!/bin/sh\necho 'Cannot connect to the daemon' >&2\nexit 1\n",
    });
    const engine: Engine = {
      kind: "docker",
      binary: join(folder, "docker"),
      version: "docker 1",
      userOptions: [],
      rootOptions: [],
      laysOver: false,
    };
    const troubles: MillraceError[] = [];
    const onTrouble = (error: MillraceError) => troubles.push(error);
    const runner = createContainerRunner({ engine, agent: "a", folder: "/f", onTrouble });
    await using launch = await makeLaunch(image, "true");
    expect(await (await runner.start(launch)).exit).toEqual({
      kind: "notStarted",
      reason: "engine",
      message: "docker does not answer: Cannot connect to the daemon",
    });
    await expect(runner.sweep(launch.attempt)).rejects.toMatchObject({ code: "unavailable" });
    await runner.close();
    expect(troubles).toMatchObject([{ code: "unavailable" }]);
  });
});

describe.skipIf(docker === undefined)("an engine that stops answering while a container runs", () => {
  let folder: string;
  let engine: Engine;

  beforeAll(async () => {
    if (docker === undefined) return;
    await makeBusyboxImage(docker, image);
    folder = await mkdtemp(join(tmpdir(), "mr-engine-"));
    const real = (await detectEngine("docker"))?.binary;
    const binary = join(folder, "docker");
    const script = `cd '${folder}'; [ ! -e broken ] || { echo refused | tee -a refusals >&2; exit 1; }; exec ${real} "$@"`;
    await writeFile(binary, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    const found = await detectEngine(binary);
    if (found === undefined) throw new Error("the engine of the tests is not detected");
    engine = found;
  });

  beforeEach(() =>
    Promise.all(["broken", "refusals"].map((name) => rm(join(folder, name), { force: true }))),
  );

  afterAll(async () => {
    if (folder !== undefined) await rm(folder, { recursive: true });
  });

  /** Starts a job, and lets it end with 5 once the engine is broken; resolves when that was noticed. */
  async function runThroughBreakdown(runner: Runner, launch: TestLaunch): Promise<Execution> {
    const execution = await runner.start(launch);
    await waitUntil("the job runs", () => existsSync(join(launch.workspace, "up")));
    await writeFile(join(folder, "broken"), "");
    await writeFile(join(launch.workspace, "go"), "");
    await waitUntil("the engine was asked in vain", () => existsSync(join(folder, "refusals")));
    return execution;
  }

  const script = "touch up; until [ -e go ]; do sleep 0.02; done; echo done; exit 5";

  test("changes nothing when it answers again in time", async () => {
    const runner = createContainerRunner({ engine, agent: "a", folder: "/f", onTrouble: refuseTrouble });
    await using launch = await makeLaunch(image, script);
    const execution = await runThroughBreakdown(runner, launch);
    await rm(join(folder, "broken"));
    expect(await execution.exit).toMatchObject({ kind: "exited", exitCode: 5 });
    expect(await launch.output()).toBe("done\n");
  });

  test("makes the attempt end as unknown, and its container is swept later", async () => {
    const troubles: MillraceError[] = [];
    const runner = createContainerRunner({
      engine,
      agent: "a",
      folder: "/f",
      onTrouble: (error) => troubles.push(error),
      engineGraceMs: 0,
    });
    await using launch = await makeLaunch(image, script);
    const execution = await runThroughBreakdown(runner, launch);
    const exit = await execution.exit;
    expect(exit).toEqual({ kind: "unknown", message: expect.stringContaining("refused") });
    expect(troubles).toMatchObject([{ code: "unavailable" }]);
    await rm(join(folder, "broken"));
    expect(await listContainers(engine, { attempt: launch.attempt })).toMatchObject([
      { attempt: launch.attempt, state: { kind: "ended", exitCode: 5 } },
    ]);
    await runner.sweep(launch.attempt);
    expect(await listContainers(engine, { attempt: launch.attempt })).toEqual([]);
  });
});
