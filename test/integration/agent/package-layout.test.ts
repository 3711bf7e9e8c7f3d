import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { hostIdentity } from "../../../agent/runners/host-identity.ts";
import { enterRoot } from "../../../agent/runners/host-layout.ts";
import { takeCensus } from "../../../agent/runners/process-census.ts";
import type { JobRequest, ReportItem } from "../../../shared/model/messages.ts";
import { ArtifactStore } from "../../../shared/store/artifact-store.ts";
import { JetStreamObjects } from "../../../shared/store/jetstream-objects.ts";
import { readLog } from "../../../shared/store/log-reader.ts";
import { firstAttemptFolder } from "../../support/attempt-folder.ts";
import { startTestDocker } from "../../support/docker.ts";
import { makeBusyboxImage } from "../../support/image.ts";
import { startNatsServer, type TestServer } from "../../support/nats-server.ts";
import { triedHostLayout } from "../../support/tried-host-layout.ts";
import { waitUntil } from "../../support/wait-until.ts";
import { jobRequest } from "../../unit/agent/request.ts";
import { AgentProcess } from "./agent-process.ts";
import { AgentScene } from "./agent-scene.ts";

/** Its own: other tests make theirs anew meanwhile. */
const image = "millrace-test/packages:1";
const docker = await startTestDocker();
const hostLayout = await triedHostLayout();
if (hostLayout.kind === "refused") process.stderr.write(`note: skipped on the host: ${hostLayout.reason}\n`);

afterAll(async () => {
  await docker?.stop();
});

describe.each([
  { where: "on the host", image: undefined, isPossible: hostLayout.kind === "possible" },
  { where: "in a container", image, isPossible: docker !== undefined },
])("a job of a package $where", ({ image: itsImage, isPossible }) => {
  describe.skipIf(!isPossible)("with the paths that its script relies on", () => {
    let server: TestServer;
    let scene: AgentScene;
    let store: ArtifactStore;
    let agent: AgentProcess;
    let artifacts = 0;

    beforeAll(async () => {
      server = await startNatsServer();
      if (docker !== undefined) await makeBusyboxImage(docker, image);
    });
    afterAll(async () => {
      await server?.stop();
    });
    beforeEach(async () => {
      scene = await AgentScene.open(server, "packages", { storage: "memory" });
      const { bus } = scene;
      store = new ArtifactStore(
        new JetStreamObjects(bus.connection, { bucket: bus.subjects.objectBucket() }),
      );
      agent = new AgentProcess({
        server: server.url,
        namespace: scene.namespace,
        folder: scene.folder,
        arguments: ["--slots", "2", "--heartbeat", "200ms", "--grace", "500ms", "--min-free", "1MiB"],
      });
      agent.start();
      await scene.coordinator.joined();
    });
    afterEach(async () => {
      await agent.end();
      await scene.close();
      expect(readFileSync("/proc/self/mountinfo", "utf8")).not.toContain(scene.folder);
    });

    async function stored(files: Record<string, string>): Promise<string> {
      artifacts += 1;
      const made = join(scene.folder, `made-${artifacts}`);
      for (const [name, content] of Object.entries(files)) {
        mkdirSync(dirname(join(made, name)), { recursive: true });
        writeFileSync(join(made, name), content);
      }
      const artifact = await store.upload(made, ["."]);
      if (artifact === null) throw new Error("nothing was uploaded");
      return artifact.digest;
    }

    function packageJob(text: string, spec: Partial<JobRequest["spec"]> = {}): JobRequest {
      const run = { program: `#!/bin/sh\n${text}` };
      return jobRequest({
        spec: {
          run,
          layout: "package",
          image: itsImage,
          network: itsImage && "none",
          outputs: ["."],
          ...spec,
        },
      });
    }

    async function answerTo(request: JobRequest): Promise<Extract<ReportItem, { kind: "finished" }>> {
      scene.coordinator.order({ kind: "start", request });
      return await ended(request);
    }

    async function ended(request: JobRequest): Promise<Extract<ReportItem, { kind: "finished" }>> {
      const answer = await scene.coordinator.answerOf(request.lease);
      if (answer.kind !== "finished") throw new Error(JSON.stringify(answer));
      return answer;
    }

    async function logOf({ run, spec, attempt }: JobRequest): Promise<string> {
      let text = "";
      for await (const piece of readLog(scene.bus, { run, job: spec.name, attempt, follow: false }))
        text += Buffer.from(piece.kind === "lost" ? [] : piece.bytes).toString();
      return text;
    }

    /** What is in the artifact that it has made. */
    async function made(answer: Extract<ReportItem, { kind: "finished" }>): Promise<Record<string, string>> {
      const { artifact, outcome } = answer.result;
      if (artifact === null) throw new Error(JSON.stringify(outcome));
      artifacts += 1;
      const folder = join(scene.folder, `got-${artifacts}`);
      await store.download(artifact.digest, folder);
      const { entries } = await store.manifest(artifact.digest);
      const files = entries.filter(({ type }) => type === "file");
      return Object.fromEntries(files.map(({ path }) => [path, readFileSync(join(folder, path), "utf8")]));
    }

    const running = (request: JobRequest): Promise<unknown> =>
      waitUntil("the job says that it runs", async () => (await logOf(request)).includes("up\n"), {
        timeoutMs: 30_000,
      });

    test("finds inputs and patches there, and leaves its outputs", async () => {
      const request = packageJob(
        `set -e; mkdir /outputs /outputs/deep
        cat /inputs/a.pkg /inputs/src.source /patches/one/fix.patch >/outputs/all
        ls /inputs >/outputs/deep/list; head -n 1 /script >/outputs/.script; pwd
        touch /inputs/mine; rm /inputs/a.pkg`,
      );
      request.inputs = [{ job: "a", digest: await stored({ "a.pkg": "from a\n" }) }];
      request.spec.files = [
        { digest: await stored({ "src.source": "source\n" }), folder: "inputs" },
        { digest: await stored({ "one/fix.patch": "patch\n" }), folder: "patches" },
      ];
      const answer = await answerTo(request);
      expect(await made(answer)).toEqual({
        all: "from a\nsource\npatch\n",
        "deep/list": "a.pkg\nsrc.source\n",
        ".script": "#!/bin/sh\n",
      });
      expect(await logOf(request)).toBe("/\n");
      if (itsImage === undefined) expect(answer.ranOn).toEqual({ host: hostIdentity() });
      else expect(answer.ranOn).toEqual({ image: docker?.docker(["inspect", "-f", "{{.Id}}", image]) });
    });

    test("runs a script with sh -e and a program by its arguments in the same place", async () => {
      const script = packageJob("", { run: { script: "mkdir /outputs; pwd >/outputs/x; false; echo no" } });
      expect((await answerTo(script)).result.outcome).toMatchObject({ reason: "exit", exitCode: 1 });
      const argv = packageJob("", { run: { argv: ["/bin/mkdir", "-p", "/outputs/x"] } });
      expect((await answerTo(argv)).result).toMatchObject({ outcome: { kind: "succeeded" } });
    });

    test("collects what its globs name below /outputs, and fails without it", async () => {
      const some = packageJob("mkdir /outputs; echo 1 >/outputs/a.pkg; echo 2 >/outputs/b.log", {
        outputs: ["*.pkg"],
      });
      expect(await made(await answerTo(some))).toEqual({ "a.pkg": "1\n" });
      expect((await answerTo(packageJob("true"))).result.outcome).toEqual({
        kind: "failed",
        reason: "missingOutput",
        message: "it has not made /outputs",
      });
      const empty = packageJob("mkdir /outputs", { outputs: ["**"] });
      expect((await answerTo(empty)).result.outcome).toMatchObject({
        reason: "missingOutput",
        message: "it has put nothing into /outputs",
      });
      expect((await answerTo(packageJob("ln -s /etc /outputs"))).result.outcome).toMatchObject({
        kind: "failed",
        reason: "badOutput",
      });
    });

    test("takes the same file from two needs, and names both when it is not the same", async () => {
      const one = await stored({ "a.pkg": "1", "x.pkg": "x" });
      const other = await stored({ "a.pkg": "2", "x.pkg": "x" });
      const request = packageJob("true", { outputs: [] });
      request.inputs = [
        { job: "one", digest: one },
        { job: "two", digest: other },
        { job: "three", digest: one },
      ];
      expect((await answerTo(request)).result.outcome).toMatchObject({
        kind: "failed",
        reason: "inputs",
        message: expect.stringMatching(/a\.pkg comes from .* one and, with another content, from .* two/),
      });
    });

    test("carries large outputs, many of them, and links among them", { timeout: 60_000 }, async () => {
      const request = packageJob(`set -e; mkdir /outputs; cd /outputs
        head -c 60000000 /dev/zero >large; ln large again; ln -s large link; chmod 755 large
        i=0; while [ $i -lt 300 ]; do i=$((i+1)); echo $i >file-$i; done`);
      const answer = await answerTo(request);
      expect(answer.result).toMatchObject({ outcome: { kind: "succeeded" }, artifact: { files: 303 } });
      expect(answer.result.wallMs).toBeGreaterThan(0);
    });

    test("is ended at its limit, and leaves nothing mounted and no process", async () => {
      const request = packageJob("echo up; trap '' TERM; sleep 300 & wait; sleep 300", {
        timeouts: { runMs: 3_000 },
      });
      expect((await answerTo(request)).result.outcome).toMatchObject({ kind: "timeout", limit: "run" });
      const key = `${request.run}/${request.job}/`;
      await waitUntil("its processes are gone", async () =>
        (await takeCensus()).every(({ attempt }) => attempt?.startsWith(key) !== true),
      );
    });

    test("is followed by a successor of its agent: status, outputs and usage", async () => {
      const go = itsImage === undefined ? join(scene.folder, "go") : "/inputs/go";
      const request = packageJob(
        `mkdir /outputs; echo up; until [ -e ${go} ]; do sleep 0.05; done; cat /inputs/a.pkg >/outputs/x`,
      );
      request.inputs = [{ job: "a", digest: await stored({ "a.pkg": "from a\n" }) }];
      scene.coordinator.order({ kind: "start", request });
      await running(request);
      await agent.signal("SIGKILL");
      if (itsImage !== undefined) {
        const filter = `label=millrace.folder=${agent.workFolder}`;
        const id = docker?.docker(["ps", "--quiet", "--filter", filter]) ?? "";
        docker?.docker(["exec", id, "touch", "/inputs/go"]);
        await waitUntil("it has ended", () => docker?.docker(["ps", "--quiet", "--filter", filter]) === "");
      }
      scene.coordinator.hellos.length = 0;
      agent.start();
      await scene.coordinator.joined();
      if (itsImage === undefined) writeFileSync(go, "");
      const answer = await ended(request);
      expect(await made(answer)).toEqual({ x: "from a\n" });
      expect(answer.result).toMatchObject({ cpuMs: expect.any(Number), wallMs: expect.any(Number) });
      expect(answer.ranOn).toBeDefined();
    });

    test("leaves nothing mounted and no file when it is cancelled", async () => {
      const request = packageJob("echo up; sleep 300");
      scene.coordinator.order({ kind: "start", request });
      await running(request);
      const files = firstAttemptFolder(agent.workFolder);
      expect(existsSync(join(files!, "package"))).toBe(true);
      const { run, job, attempt, lease } = request;
      scene.coordinator.order({ kind: "cancel", run, job, attempt, lease, reason: "test" });
      expect((await ended(request)).result.outcome).toEqual({ kind: "cancelled" });
      await waitUntil("its files are gone", () => !existsSync(join(files!, "package")));
    });
  });
});

test.skipIf(hostLayout.kind === "refused")("a root without layers has what lies in its folder", () => {
  const place = mkdtempSync(join(tmpdir(), "millrace-root-"));
  try {
    const [folder, control] = [join(place, "root"), join(place, "control")];
    for (const path of [join(folder, "inputs"), control]) mkdirSync(path, { recursive: true });
    writeFileSync(join(folder, "inputs/a.pkg"), "from a\n");
    const [program = "", ...words] = enterRoot({ folder, layers: undefined }, control);
    const script = "cat /inputs/a.pkg; pwd; mkdir /outputs; ls /usr >/outputs/list";
    expect(execFileSync(program, [...words, "/bin/sh", "-c", script], { encoding: "utf8" })).toBe(
      "from a\n/\n",
    );
    expect(readFileSync(join(folder, "outputs/list"), "utf8")).toContain("bin\n");
  } finally {
    rmSync(place, { recursive: true });
  }
});

test.skipIf(hostLayout.kind === "refused")("the trial of the layout leaves nothing behind", async () => {
  expect(await triedHostLayout()).toEqual({ kind: "possible", layers: expect.any(Boolean) });
  expect(readFileSync("/proc/self/mountinfo", "utf8")).not.toContain("millrace-trial-");
});
