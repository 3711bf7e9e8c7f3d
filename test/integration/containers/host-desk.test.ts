import { randomBytes } from "node:crypto";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { label } from "../../../agent/runners/container-arguments.ts";
import { detectEngine } from "../../../agent/runners/engine.ts";
import { HostDesk } from "../../../agent/runners/host-desk.ts";
import { type AgentQuestionInput, agentQuestionSchema } from "../../../shared/model/agent-question.ts";
import { startTestDocker } from "../../support/docker.ts";
import { makeBusyboxImage } from "../../support/image.ts";

const image = "millrace-test/busybox:1";
const docker = await startTestDocker();
const engine = docker === undefined ? undefined : await detectEngine();
const folder = `/millrace-test/${randomBytes(6).toString("hex")}`;
const made: string[] = [];

afterEach(() => {
  if (made.length > 0) docker?.docker(["rm", "--force", ...made.splice(0)]);
});
afterAll(async () => docker?.stop());

const desk = new HostDesk({ engine, folder, identity: "debian 12 x86_64" });
const ask = (question: AgentQuestionInput, isHeld: (attempt: string) => boolean = () => false) =>
  desk.answer(agentQuestionSchema.parse(question), isHeld);

/** A container with these labels that runs this; resolves with its id. */
function start(script: string, labels: Readonly<Record<string, string>>): string {
  const flags = Object.entries(labels).flatMap(([key, value]) => ["--label", `${key}=${value}`]);
  const id = docker?.docker([
    "run",
    "--detach",
    "--init",
    "--network=none",
    ...flags,
    image,
    "sh",
    "-c",
    script,
  ]);
  made.push(id ?? "");
  return id ?? "";
}
const own = { [label.folder]: folder, [label.agent]: "a1", [label.run]: "r1", [label.attempt]: "r1/0/1/x" };
const isRunning = (id: string) => docker?.docker(["inspect", "--format", "{{.State.Running}}", id]);

test("without an engine all but the host itself is refused, and why", async () => {
  const bare = new HostDesk({ engine: undefined, folder, identity: "debian 12 x86_64" });
  const asked = (question: AgentQuestionInput) =>
    bare.answer(agentQuestionSchema.parse(question), () => false);
  expect(await asked({ kind: "ping" })).toEqual({ kind: "ping" });
  expect(await asked({ kind: "stats" })).toMatchObject({
    engine: null,
    containers: null,
    system: "debian 12 x86_64",
  });
  expect(await asked({ kind: "containers" })).toMatchObject({
    kind: "refused",
    code: "unsupported",
    message: "this host has no container engine that answers",
  });
});

describe.skipIf(docker === undefined)("on a host with an engine, people", () => {
  beforeAll(async () => {
    if (docker !== undefined) await makeBusyboxImage(docker, image);
  });

  test("see how many containers and images there are, and which", async () => {
    const id = start("sleep 60", own);
    const stats = await ask({ kind: "stats" });
    expect(stats).toMatchObject({ engine: engine?.version });
    if (stats.kind !== "stats") throw new Error("not reached");
    expect(stats.running).toBeGreaterThan(0);
    expect(stats.images).toBeGreaterThan(0);
    const listing = await ask({ kind: "containers" });
    if (listing.kind !== "containers") throw new Error(JSON.stringify(listing));
    const listed = listing.containers.find((container) => container.id === id);
    // Podman calls what no registry has brought after this host.
    const shown = new RegExp(`^(localhost/)?${image}$`);
    expect(listed).toMatchObject({
      image: expect.stringMatching(shown),
      state: "running",
      isRunning: true,
      agent: "a1",
      run: "r1",
      isOwn: true,
    });
    const images = await ask({ kind: "images" });
    if (images.kind !== "images") throw new Error(JSON.stringify(images));
    expect(images.images.some(({ names }) => names.some((name) => shown.test(name)))).toBe(true);
  });

  test("learn which images are missing", async () => {
    const answer = await ask({ kind: "findImages", images: [image, "millrace-test/none:1"] });
    expect(answer).toMatchObject({
      kind: "findImages",
      images: [
        { image, digest: expect.stringMatching(/^sha256:/), problem: null },
        { digest: null, problem: expect.stringContaining("none:1") },
      ],
    });
  });

  test("stop what the agent has made; what it has not only when that is said", async () => {
    const mine = start("sleep 60", own);
    const foreign = start("sleep 60", {});
    const containers = [mine, foreign, "millrace-none"];
    expect(await ask({ kind: "stop", containers, graceMs: 0 })).toEqual({
      kind: "stop",
      results: [
        { container: mine, problem: null },
        { container: foreign, problem: "this agent has not made it" },
        { container: "millrace-none", problem: "there is no such container" },
      ],
    });
    expect([isRunning(mine), isRunning(foreign)]).toEqual(["false", "true"]);
    await ask({ kind: "stop", containers: [foreign], others: true, graceMs: 0 });
    expect(isRunning(foreign)).toBe("false");
  });

  test("remove what has ended; not what runs, nor what the agent needs yet", async () => {
    const ended = start("true", own);
    docker?.docker(["wait", ended]);
    const running = start("sleep 60", own);
    const needed = (attempt: string): boolean => attempt === "r1/0/1/x";
    expect(await ask({ kind: "remove", containers: [ended] }, needed)).toMatchObject({
      results: [{ problem: "the agent needs it to tell how its job has ended" }],
    });
    const answer = await ask({ kind: "remove", containers: [ended, running] });
    expect(answer).toMatchObject({
      results: [{ problem: null }, { problem: expect.stringMatching(/running/) }],
    });
    expect(isRunning(running)).toBe("true");
    made.splice(made.indexOf(ended), 1);
  });

  test("look into one: its processes, what the engine knows, a command in it", async () => {
    const id = start("sleep 61", own);
    const top = await ask({ kind: "top", container: id });
    if (top.kind !== "top") throw new Error(JSON.stringify(top));
    expect(top.processes.map((process) => process.at(-1))).toContain("sleep 61");
    const inspected = await ask({ kind: "inspect", container: id });
    if (inspected.kind !== "inspect") throw new Error(JSON.stringify(inspected));
    expect(JSON.parse(inspected.document)).toMatchObject({ Id: id });
    const argv = ["sh", "-c", "echo out; echo Error >&2; exit 1"];
    expect(await ask({ kind: "exec", container: id, argv })).toEqual({
      kind: "exec",
      exitCode: 1,
      stdout: "out\n",
      stderr: "Error\n",
      isCut: false,
    });
  });

  test("get no more of a command's output than a message holds", async () => {
    const id = start("sleep 60", own);
    const argv = ["sh", "-c", "head -c 1000000 /dev/zero | tr '\\0' x"];
    const answer = await ask({ kind: "exec", container: id, argv });
    expect(answer).toMatchObject({ exitCode: 0, isCut: true });
    if (answer.kind === "exec") expect(answer.stdout).toHaveLength(128 * 1024);
  });

  test("are told that a container is not there or does not run", async () => {
    expect(await ask({ kind: "exec", container: "millrace-none", argv: ["true"] })).toMatchObject({
      kind: "refused",
      code: "notFound",
    });
    const ended = start("true", own);
    docker?.docker(["wait", ended]);
    expect(await ask({ kind: "exec", container: ended, argv: ["true"] })).toMatchObject({ code: "conflict" });
    expect(await ask({ kind: "top", container: "millrace-none" })).toMatchObject({ code: "notFound" });
  });
});
