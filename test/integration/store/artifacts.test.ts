import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Artifact } from "../../../shared/model/outcome.ts";
import { ArtifactStore } from "../../../shared/store/artifact-store.ts";
import { JetStreamObjects } from "../../../shared/store/jetstream-objects.ts";
import { type StoreServer, startStoreServer } from "./store-server.ts";

let store: StoreServer;
let objects: JetStreamObjects;
let artifacts: ArtifactStore;

beforeAll(async () => {
  store = await startStoreServer();
  objects = new JetStreamObjects(store.bus.connection, { bucket: store.bucket });
  artifacts = new ArtifactStore(objects);
});
afterAll(async () => {
  objects.close();
  await store.close();
});

it("carries thousands of small files and a large one without holding the event loop", async () => {
  const folder = await store.folder();
  const large = randomBytes(20_000_000);
  for (let group = 0; group < 20; group += 1) {
    await mkdir(join(folder, "in", `${group}`), { recursive: true });
    await Promise.all(
      Array.from({ length: 100 }, (_, file) =>
        writeFile(join(folder, "in", `${group}/${file}`), randomBytes(4096)),
      ),
    );
  }
  await writeFile(join(folder, "in", "large"), large);
  const steps = new LoopSteps();
  const artifact = (await artifacts.upload(join(folder, "in"), ["."])) as Artifact;
  await artifacts.download(artifact.digest, join(folder, "out"));
  steps.end();
  expect(artifact).toMatchObject({ files: 2001, bytes: 2000 * 4096 + large.length });
  expect(steps.longestMs()).toBeLessThan(150);
  expect(readFileSync(join(folder, "out/large")).equals(large)).toBe(true);
  expect(await artifacts.upload(join(folder, "out"), ["."])).toEqual(artifact);
});

it("stores an artifact once, however many upload it", async () => {
  const folders = await Promise.all([store.folder(), store.folder(), store.folder()]);
  const content = randomBytes(2_000_000);
  for (const folder of folders) await writeFile(join(folder, "same"), content);
  const stream = `OBJ_${store.bucket}`;
  const before = (await store.bus.manager.streams.info(stream)).state.messages;
  const stored = await Promise.all(folders.map((folder) => artifacts.upload(folder, ["same"])));
  expect(new Set(stored.map((artifact) => artifact?.digest)).size).toBe(1);
  const after = (await store.bus.manager.streams.info(stream)).state.messages;
  // 16 chunks and an entry for the tar, one and an entry for the manifest.
  expect(after - before).toBe(19);
});

it("has no artifact under a digest that was never stored", async () => {
  const folder = await store.folder();
  const digest = "0".repeat(64);
  await expect(artifacts.download(digest, join(folder, "out"))).rejects.toMatchObject({ code: "notFound" });
  await expect(artifacts.manifest(digest)).rejects.toMatchObject({ code: "notFound" });
});

/** How long the event loop was held at a time: in processor time of this process, as the machine may be busy. */
class LoopSteps {
  #last = process.cpuUsage();
  #longestUs = 0;
  #next: NodeJS.Immediate | undefined;

  constructor() {
    this.#look();
  }

  longestMs(): number {
    return this.#longestUs / 1000;
  }

  end(): void {
    clearImmediate(this.#next);
  }

  #look(): void {
    const { user, system } = process.cpuUsage(this.#last);
    this.#longestUs = Math.max(this.#longestUs, user + system);
    this.#last = process.cpuUsage();
    this.#next = setImmediate(() => this.#look());
  }
}
