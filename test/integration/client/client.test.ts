import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Client, connect } from "../../../shared/client/index.ts";
import { getDocument } from "../../../shared/store/document.ts";
import { JetStreamObjects } from "../../../shared/store/jetstream-objects.ts";
import { FakeCoordinator, jobView } from "../../support/fake-coordinator.ts";
import { startNatsServer, type TestServer } from "../../support/nats-server.ts";

let server: TestServer;
let coordinator: FakeCoordinator;
let client: Client;

beforeAll(async () => {
  server = await startNatsServer();
  coordinator = await FakeCoordinator.start(server.url);
  client = await connect({ server: server.url, namespace: "test" });
});

afterAll(async () => {
  await client.close();
  await coordinator.stop();
  await server.stop();
});

const lastRequest = (): unknown => coordinator.requests.at(-1)?.request;

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

describe("connecting", () => {
  it("says which server did not answer, and what to do", async () => {
    const attempt = connect({ server: "nats://127.0.0.1:1", timeoutMs: 200 });
    await expect(attempt).rejects.toMatchObject({
      code: "unavailable",
      fix: expect.stringContaining("MILLRACE_SERVER"),
    });
  });

  it("refuses what cannot be a namespace", async () => {
    const attempt = connect({ server: server.url, namespace: "a.b" });
    await expect(attempt).rejects.toMatchObject({ code: "badInput" });
  });

  it("needs a server's name", async () => {
    await expect(connect({ server: "" })).rejects.toMatchObject({ code: "badInput" });
  });
});

describe("submitting", () => {
  const graph = { jobs: [{ name: "hello", run: { script: "echo hello" } }] };

  it("makes a run id", async () => {
    const { run, repeated } = await client.submit(graph);
    expect(run).toMatch(/^\d{8}-\d{6}-[a-z0-9]{6}$/);
    expect(repeated).toBe(false);
  });

  it("is one run when it is repeated", async () => {
    expect(await client.submit(graph, { run: "mine" })).toMatchObject({ repeated: false });
    expect(await client.submit(graph, { run: "mine" })).toMatchObject({ repeated: true });
  });

  it("hands on the options", async () => {
    await client.submit(graph, { run: "tuned", keepGoing: false, priority: 900 });
    expect(lastRequest()).toMatchObject({
      run: "tuned",
      options: { keepGoing: false, priority: 900, pool: "" },
    });
  });

  it("stores a large graph as an object and names its digest", async () => {
    const script = "x".repeat(1_000);
    const jobs = Array.from({ length: 400 }, (_, index) => ({ name: `job-${index}`, run: { script } }));
    await client.submit({ jobs }, { run: "large" });
    const { graph } = lastRequest() as { graph: { digest: string } };
    const { connection, subjects } = coordinator.bus;
    const objects = new JetStreamObjects(connection, { bucket: subjects.objectBucket() });
    expect(await getDocument(objects, "graph", graph.digest)).toEqual({ jobs });
    objects.close();
  });
});

describe("listing", () => {
  it("reads all pages", async () => {
    coordinator.addRun("wide");
    const names = Array.from({ length: 1_234 }, (_, index) => `job-${index}`);
    coordinator.jobs.set(
      "wide",
      names.map((name) => jobView(name)),
    );
    expect((await collect(client.jobs("wide"))).map(({ job }) => job)).toEqual(names);
  });

  it("filters", async () => {
    coordinator.addRun("over", { status: "failed" });
    expect((await collect(client.runs({ status: "failed" }))).map(({ run }) => run)).toEqual(["over"]);
    expect(await collect(client.jobs("wide", { job: "job-7" }))).toHaveLength(1);
  });

  it("cancels all runs of a submitter, also those that move to another page while others end", async () => {
    const [earlier, later] = ["2026-01-01T00:00:00.000Z", "2026-01-02T00:00:00.000Z"];
    for (let index = 0; index < 800; index++) {
      coordinator.addRun(`own-${index}`, { submitter: "ada", submittedAt: earlier });
      if (index < 400) coordinator.addRun(`other-${index}`, { submitter: "bob", submittedAt: later });
    }
    coordinator.betweenPages = () => {
      for (let index = 0; index < 400; index++) coordinator.addRun(`other-${index}`, { status: "succeeded" });
    };
    const cancelled = await collect(client.cancelAll({ submitter: "ada" }));
    coordinator.betweenPages = () => undefined;
    expect(new Set(cancelled.map(({ run }) => run)).size).toBe(800);
    const left = [...coordinator.runs.values()].filter(
      (view) => view.submitter === "ada" && view.status === "running",
    );
    expect(left).toEqual([]);
  });

  it("sets a priority behind what it has seen, and once more when another one was faster", async () => {
    coordinator.addRun("steered", { priorityChanges: 3 });
    await client.setPriority("steered", 700);
    expect(lastRequest()).toMatchObject({ run: "steered", priority: 700, after: 3 });
    const before = coordinator.requests.length;
    coordinator.beforePriority = () => {
      coordinator.addRun("steered", { priorityChanges: 9 });
      coordinator.beforePriority = () => undefined;
    };
    await client.setPriority("steered", 800);
    const sent = coordinator.requests.slice(before).filter(({ verb }) => verb === "priority");
    expect(sent.map(({ request }) => request)).toMatchObject([{ after: 4 }, { priority: 800, after: 9 }]);
    await expect(client.setPriority("missing", 1)).rejects.toMatchObject({ code: "notFound" });
  });

  it("passes on what the coordinator refuses", async () => {
    await expect(client.run("nowhere")).rejects.toMatchObject({
      code: "notFound",
      message: "there is no run nowhere",
    });
  });
});

describe("artifacts", () => {
  it("are uploaded, listed, looked into, read and downloaded", async () => {
    const folder = await mkdtemp(join(tmpdir(), "millrace-client-"));
    try {
      await mkdir(join(folder, "src"));
      await writeFile(join(folder, "src/hello.c"), "int main;\n");
      const artifact = await client.uploadSources(folder, ["src/**"]);
      coordinator.addRun("built");
      coordinator.jobs.set("built", [jobView("fetch", { artifact }), jobView("test")]);

      expect(await collect(client.listArtifacts("built"))).toEqual([{ job: "fetch", artifact }]);
      const source = { run: "built", job: "fetch" };
      expect(await client.artifactEntries(source)).toMatchObject([
        { path: "src/hello.c", kind: "file", bytes: 10 },
      ]);
      const pieces = await collect(client.openArtifactFile({ digest: artifact.digest }, "src/hello.c"));
      expect(Buffer.concat(pieces).toString()).toBe("int main;\n");
      await client.downloadArtifact(source, join(folder, "out"));
      expect(await readFile(join(folder, "out/src/hello.c"), "utf8")).toBe("int main;\n");
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it("are missed by name where a job has none", async () => {
    await expect(client.artifactEntries({ run: "built", job: "test" })).rejects.toMatchObject({
      code: "notFound",
      message: "job test of run built has no artifact",
    });
    await expect(client.artifactEntries({ run: "built", job: "tset" })).rejects.toMatchObject({
      message: "run built has no job tset",
    });
  });
});
