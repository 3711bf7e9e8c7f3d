import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { AgentOptions } from "../../../agent/agent.ts";
import type { Bus } from "../../../shared/bus/connection.ts";
import { attemptRef, type JobRequest } from "../../../shared/model/messages.ts";
import { ArtifactStore } from "../../../shared/store/artifact-store.ts";
import { JetStreamObjects } from "../../../shared/store/jetstream-objects.ts";
import { ObjectSubjects } from "../../../shared/store/object-meta.ts";
import type { TestServer } from "../../support/nats-server.ts";
import { startTcpProxy } from "../../support/tcp-proxy.ts";
import { waitUntil } from "../../support/wait-until.ts";
import { type AgentScene, eachInItsScene, scriptRequest as script } from "./agent-scene.ts";
import type { ScriptedCoordinator } from "./scripted-coordinator.ts";

const MIB = 2 ** 20;

let server: TestServer;
let scene: AgentScene;
let bus: Bus;
let folder: string;
let coordinator: ScriptedCoordinator;

eachInItsScene("inputs", {}, (opened, its) => {
  [scene, server] = [opened, its];
  ({ bus, folder, coordinator } = scene);
});

const start = (options: Partial<AgentOptions> = {}) => scene.start({ minFree: { bytes: 0 }, ...options });
const outcomeOf = (request: JobRequest) => scene.outcomeOf(request);

/** Stores an artifact of one file. */
async function stored(content: string): Promise<{ digest: string; store: ArtifactStore }> {
  const store = new ArtifactStore(
    new JetStreamObjects(bus.connection, { bucket: bus.subjects.objectBucket() }),
  );
  const made = join(folder, `made-${content.length}`);
  mkdirSync(made);
  writeFileSync(join(made, "file"), content);
  const artifact = await store.upload(made, ["file"]);
  if (artifact === null) throw new Error("nothing was uploaded");
  return { digest: artifact.digest, store };
}

function needing(digest: string): JobRequest {
  const request = script('cat "$MILLRACE_INPUTS"/build/file');
  request.inputs = [{ job: "build", digest }];
  return request;
}

/** A way to the server that carries so much a second. */
async function slowLine(bytesPerSecond: number): Promise<{ readonly url: string } & AsyncDisposable> {
  const proxy = await startTcpProxy(server.port);
  proxy.slow(bytesPerSecond);
  const end = async () => {
    await scene.stopAgents();
    await proxy.close();
  };
  return { url: `nats://127.0.0.1:${proxy.port}`, [Symbol.asyncDispose]: end };
}

describe("an artifact that can't be had", () => {
  /** Puts other bytes in place of the object's, which may or may not agree with its entry. */
  async function damage(name: string): Promise<void> {
    const subjects = new ObjectSubjects(bus.subjects.objectBucket());
    const { stream } = subjects;
    const entry = await bus.manager.streams.getMessage(stream, { last_by_subj: subjects.meta(name) });
    const { nuid } = entry.json<{ nuid: string }>();
    const chunk = await bus.manager.streams.getMessage(stream, { last_by_subj: subjects.chunks(nuid) });
    await bus.manager.streams.deleteMessage(stream, chunk.seq);
    const bytes = Buffer.from(chunk.data);
    bytes[600] = 0x21;
    await bus.jetstream.publish(chunk.subject, bytes);
  }

  test("for damage fails its job with the names of both, and a whole one is taken later", async () => {
    await start();
    const { digest, store } = await stored("right\n");
    await damage(`artifact/${digest}`);
    expect(await outcomeOf(needing(digest))).toEqual({
      kind: "failed",
      reason: "inputs",
      message: expect.stringMatching(new RegExp(`the artifact of build: .*${digest}.*damaged`)),
    });
    expect(readdirSync(join(folder, "work/cache"))).toEqual([]);
    const objects = new JetStreamObjects(bus.connection, { bucket: bus.subjects.objectBucket() });
    await objects.remove(`artifact/${digest}`);
    await store.upload(join(folder, "made-6"), ["file"]);
    expect(await outcomeOf(needing(digest))).toEqual({ kind: "succeeded" });
    objects.close();
  });

  test("because its object is gone fails its job at once", async () => {
    await start();
    expect(await outcomeOf(needing("0".repeat(64)))).toMatchObject({
      kind: "failed",
      reason: "inputs",
      message: expect.stringContaining("the artifact of build: there is no object"),
    });
  });
});

describe("a large input over a slow line", () => {
  const inCache = () => readdirSync(join(folder, "work/cache"));

  test("is not waited for by an attempt that is cancelled, and reaches another one", async () => {
    await using line = await slowLine(16 * MIB);
    await start({ server: line.url });
    const { digest } = await stored("large".repeat(6 * MIB));
    const [given, wanted] = [needing(digest), needing(digest)];
    coordinator.order({ kind: "start", request: given }, { kind: "start", request: wanted });
    await coordinator.started(wanted.lease);
    await waitUntil("the input is on its way", () => inCache().length > 0);
    coordinator.order({ kind: "cancel", ...attemptRef(given), reason: "test" });
    expect(await coordinator.answerOf(given.lease)).toMatchObject({
      result: { outcome: { kind: "cancelled" } },
    });
    expect(inCache()).not.toContain(digest);
    expect(await coordinator.answerOf(wanted.lease)).toMatchObject({
      result: { outcome: { kind: "succeeded" } },
    });
    expect(inCache()).toEqual([digest]);
  });

  test("is not fetched to its end for nobody", async () => {
    await using line = await slowLine(16 * MIB);
    await start({ server: line.url });
    const { digest } = await stored("large".repeat(6 * MIB));
    const request = needing(digest);
    coordinator.order({ kind: "start", request });
    await waitUntil(
      "the input is on its way",
      () => existsSync(join(folder, "work/cache")) && inCache().length > 0,
    );
    coordinator.order({ kind: "cancel", ...attemptRef(request), reason: "test" });
    await coordinator.answerOf(request.lease);
    await waitUntil("nothing of it is left", () => inCache().length === 0);
    expect(await outcomeOf(script("true"))).toEqual({ kind: "succeeded" });
  });
});
