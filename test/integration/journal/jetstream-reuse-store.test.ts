import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { openJournal } from "../../../coordinator/journal/jetstream-journal.ts";
import { openReuseStores } from "../../../coordinator/journal/reuse-stores.ts";
import { ArtifactStore } from "../../../shared/store/artifact-store.ts";
import { JetStreamObjects } from "../../../shared/store/jetstream-objects.ts";
import { describeReuseStore, remembered } from "../../support/reuse-store-conformance.ts";
import { type StoreServer, serverOfTest } from "../store/store-server.ts";

async function openStore(server: StoreServer) {
  const { reuseStore, close } = openJournal(server.bus, { repeatAfterMs: 500 });
  onTestFinished(close);
  return reuseStore;
}

describeReuseStore("JetStream", async () => openStore(await serverOfTest()));

it("keeps the results of jobs over a restart of the server, one message for each", async () => {
  const server = await serverOfTest();
  const store = await openStore(server);
  for (const run of ["r1", "r2", "r3"]) await store.remember("key", remembered("1", "2", run));
  const { state } = await server.bus.manager.streams.info(server.bus.subjects.reuseStream());
  expect(state.messages).toBe(1);
  await server.server.kill();
  await server.server.restart();
  expect(await store.find("key", "1".repeat(64))).toEqual(remembered("1", "2", "r3"));
});

it("takes what another version has stored for nothing", async () => {
  const server = await serverOfTest();
  const store = await openStore(server);
  const { jetstream, subjects } = server.bus;
  for (const payload of ['{"v": 2}', "no JSON"]) {
    await jetstream.publish(subjects.reuseKey("key", "1".repeat(64)), payload);
    expect(await store.find("key", "1".repeat(64))).toBeUndefined();
  }
});

it("says so when the stream is not there", async () => {
  const server = await serverOfTest();
  const store = await openStore(server);
  await server.bus.manager.streams.delete(server.bus.subjects.reuseStream());
  await expect(store.remember("key", remembered("1", "2"))).rejects.toMatchObject({ code: "unavailable" });
});

it("announces an artifact that is there, and knows its files", async () => {
  const server = await serverOfTest();
  const objects = new JetStreamObjects(server.bus.connection, { bucket: server.bucket, announceAfterMs: 0 });
  onTestFinished(() => objects.close());
  const { announce, filesOf } = openReuseStores(await openStore(server), objects);
  const folder = await server.folder();
  await writeFile(join(folder, "main.c"), "int main;");
  const artifact = await new ArtifactStore(objects).upload(folder, ["*"]);
  const digest = artifact?.digest ?? "";
  const lastSeq = async (): Promise<number> =>
    (await server.bus.manager.streams.info(`OBJ_${server.bucket}`)).state.last_seq;
  const before = await lastSeq();
  expect(await announce(digest)).toBe(true);
  expect(await lastSeq()).toBe(before + 2);
  expect([...(await filesOf(digest)).keys()]).toEqual(["main.c"]);
  await objects.remove(`artifact/${digest}`);
  expect(await announce(digest)).toBe(false);
  expect(await announce("0".repeat(64))).toBe(false);
});
