import { headers } from "nats";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { RunRecord } from "../../../coordinator/core/record.ts";
import { ReferenceFilter } from "../../../coordinator/core/reference-filter.ts";
import { openCollectionStores } from "../../../coordinator/journal/jetstream-collection.ts";
import { type OpenJournal, openJournal } from "../../../coordinator/journal/jetstream-journal.ts";
import {
  type CollectionOrder,
  type CollectionProgress,
  collect,
  newProgress,
} from "../../../coordinator/storage/collection.ts";
import type { CollectionStores } from "../../../coordinator/storage/collection-stores.ts";
import { RunReferences } from "../../../coordinator/storage/run-references.ts";
import { MessageCodec } from "../../../shared/actor/message-codec.ts";
import { putDocument } from "../../../shared/store/document.ts";
import { JetStreamObjects } from "../../../shared/store/jetstream-objects.ts";
import { recordedRun } from "../../support/recorded-run.ts";
import { waitUntil } from "../../support/wait-until.ts";
import { readAll, type StoreServer, startStoreServer } from "../store/store-server.ts";

const DAY_MS = 24 * 3600_000;
const codec = new MessageCodec();

describe("a collection on a real server", () => {
  let server: StoreServer;
  let open: OpenJournal;
  let objects: JetStreamObjects;
  let stores: CollectionStores;

  beforeEach(async () => {
    server = await startStoreServer();
    open = openJournal(server.bus);
    objects = new JetStreamObjects(server.bus.connection, { bucket: server.bucket, announceAfterMs: 0 });
    stores = openCollectionStores(server.bus, open.journal, objects);
  });
  afterEach(async () => {
    objects.close();
    open.close();
    await server.close();
  });

  async function collected(
    order: Partial<CollectionOrder> = {},
    over: Partial<CollectionStores> = {},
  ): Promise<CollectionProgress> {
    // What was stored in this very millisecond is not older than no time at all.
    const from = Date.now();
    await waitUntil("a moment has passed", async () => (await stores.now()) > from + 2);
    const progress = newProgress();
    const policy = { keepRunsForMs: 30 * DAY_MS, keepRuns: 1000 };
    const all = { ...stores, ...over };
    const slices = collect(
      { policy, unreferencedForMs: 0, isDryRun: false, ...order },
      {
        epoch: 1,
        stores: all,
        references: new RunReferences(all),
        codec,
        progress,
        now: () => Date.now(),
        newId: () => crypto.randomUUID(),
        newFilter: () => new ReferenceFilter(0.5, 4096),
        onCondemned: () => undefined,
        isRetried: () => false,
        onAllRemoved: () => undefined,
      },
    );
    for await (const _slice of slices);
    return progress;
  }

  /** Journals a run with its events and a log. */
  async function journalled(run: string, records: readonly RunRecord[]): Promise<void> {
    const { subjects, jetstream } = server.bus;
    const last = await lastOf(run);
    const payload = codec.encode(records);
    const result = await open.journal.append({
      run,
      epoch: 1,
      batch: crypto.randomUUID(),
      expectedSeq: last,
      payload,
    });
    expect(result.kind).toBe("stored");
    await open.eventLog.store(run, 1, [{ v: 1, type: "run.submitted", seq: 1 }]);
    await jetstream.publish(subjects.log(run, "build", 1, "a1"), "a line\n");
  }

  async function lastOf(run: string): Promise<number> {
    return (await open.journal.lastOfEachRun()).find((entry) => entry.run === run)?.seq ?? 0;
  }

  async function messagesOf(stream: string, filter: string): Promise<number> {
    const { state } = await server.bus.manager.streams.info(stream, { subjects_filter: filter });
    return Object.values(state.subjects ?? {}).reduce((sum, count) => sum + count, 0);
  }

  async function tracesOf(run: string): Promise<number[]> {
    const { subjects } = server.bus;
    return Promise.all([
      messagesOf(subjects.journalStream(), subjects.journal(run)),
      messagesOf(subjects.eventStream(), subjects.runEvents(run)),
      messagesOf(subjects.logStream(), subjects.logsOf(run)),
    ]);
  }

  async function stored(kind: "artifact" | "manifest" | "graph" | "data", text: string): Promise<string> {
    return putDocument(objects, kind, text);
  }

  async function exists(name: string): Promise<boolean> {
    return (await objects.info(name)) !== undefined;
  }

  test("removes an expired run with its log and events, and its id can be used again", async () => {
    await journalled("old", recordedRun({ endedAt: Date.now() - 31 * DAY_MS }));
    await journalled("young", recordedRun({ endedAt: Date.now() - 29 * DAY_MS }));
    await journalled("living", recordedRun({ endedAt: null, submittedAt: Date.now() - 300 * DAY_MS }));
    const dry = await collected({ isDryRun: true });
    expect(dry).toMatchObject({ phase: "done", runs: ["old"], keptRuns: 2 });
    expect(await tracesOf("old")).toEqual([1, 1, 1]);
    expect((await collected()).runs).toEqual(["old"]);
    expect(await tracesOf("old")).toEqual([0, 0, 0]);
    expect(await tracesOf("young")).toEqual([1, 1, 1]);
    expect(await tracesOf("living")).toEqual([1, 1, 1]);
    await journalled("old", recordedRun({ endedAt: null }));
    expect(await tracesOf("old")).toEqual([1, 1, 1]);
    expect((await collected()).runs).toEqual([]);
  });

  test("keeps what runs refer to, in records and in documents, and removes the rest with its chunks", async () => {
    const source = await stored("artifact", "source");
    const carried = await stored("artifact", "carried");
    const graph = await putDocument(objects, "graph", { jobs: [{ name: "a", sources: source }] });
    const data = await putDocument(objects, "data", [{ job: 1, digest: carried }]);
    const artifact = await stored("artifact", "artifact");
    await stored("manifest", "artifact");
    const stray = await stored("artifact", "stray");
    const inputs = await stored("data", "inputs of a job that ended long ago");
    await journalled("r1", recordedRun({ endedAt: Date.now(), graph, artifact, carried: data }));
    const young = await collected({ unreferencedForMs: 3600_000 });
    expect(young).toMatchObject({ objects: 0, chunks: 0, bytes: 0, seenObjects: 8 });
    const dry = await collected({ isDryRun: true });
    expect(await exists(`artifact/${stray}`)).toBe(true);
    const done = await collected();
    expect(done).toMatchObject({ objects: 2, chunks: 2, markedRuns: 1 });
    expect(dry).toEqual(done);
    for (const name of [source, carried, artifact]) expect(await exists(`artifact/${name}`)).toBe(true);
    expect(await exists(`graph/${graph}`)).toBe(true);
    expect(await exists(`data/${data}`)).toBe(true);
    expect(await exists(`artifact/${stray}`)).toBe(false);
    expect(await exists(`data/${inputs}`)).toBe(false);
    expect(await messagesOf(`OBJ_${server.bucket}`, "$O.>")).toBe(12);
  });

  test("removes chunks that a killed uploader has left, and leaves objects of other people alone", async () => {
    const { jetstream } = server.bus;
    await jetstream.publish(`$O.${server.bucket}.C.leftbehind`, "first half");
    const store = await jetstream.views.os(server.bucket);
    await store.putBlob({ name: "somebody's" }, new TextEncoder().encode("own"));
    expect(await collected()).toMatchObject({ objects: 0, chunks: 1, bytes: 10 });
    expect(new TextDecoder().decode((await store.getBlob("somebody's")) ?? undefined)).toBe("own");
    expect(await messagesOf(`OBJ_${server.bucket}`, "$O.*.C.*")).toBe(1);
  });

  test("keeps an object that is announced again while it is being swept", async () => {
    const digest = await stored("artifact", "wanted again");
    const announcedFirst = await collected(
      {},
      {
        entries: async function* (afterSeq) {
          for await (const entry of stores.entries(afterSeq)) {
            if (afterSeq === 0) await stored("artifact", "wanted again");
            yield entry;
          }
        },
      },
    );
    expect(announcedFirst).toMatchObject({ objects: 0, chunks: 0 });
    expect((await readAll(objects.get(`artifact/${digest}`))).toString()).toBe('"wanted again"');
  });

  test("has an object stored anew when its entry goes just before it is announced", async () => {
    const digest = await stored("artifact", "wanted again");
    await collected(
      {},
      {
        removeObjectMessage: async (seq) => {
          const isRemoved = await stores.removeObjectMessage(seq);
          await stored("artifact", "wanted again");
          return isRemoved;
        },
      },
    );
    expect((await readAll(objects.get(`artifact/${digest}`))).toString()).toBe('"wanted again"');
  });

  test("removes nothing once another coordinator leads", async () => {
    await journalled("old", recordedRun({ endedAt: Date.now() - 31 * DAY_MS }));
    const stray = await stored("artifact", "stray");
    await server.bus.jetstream.publish(server.bus.subjects.leader(), "{}", {
      headers: epochHeader(2),
    });
    await expect(collected()).rejects.toMatchObject({ code: "deposed" });
    expect(await tracesOf("old")).toEqual([2, 1, 1]);
    expect(await exists(`artifact/${stray}`)).toBe(true);
    // The next leader knows it no longer, and finishes.
    await expect(collected({}, { leadingEpoch: () => Promise.resolve(1) })).resolves.toMatchObject({
      runs: ["old"],
    });
    expect(await tracesOf("old")).toEqual([0, 0, 0]);
  });

  test("tells ages by the server's clock, and collects nothing when this host's is off by hours", async () => {
    expect(Math.abs((await stores.now()) - Date.now())).toBeLessThan(5_000);
    await expect(collected({}, { now: () => Promise.resolve(Date.now() + 2 * 3600_000) })).rejects.toThrow(
      "clocks",
    );
  });
});

function epochHeader(epoch: number) {
  const made = headers();
  made.set("Millrace-Epoch", String(epoch));
  return made;
}
