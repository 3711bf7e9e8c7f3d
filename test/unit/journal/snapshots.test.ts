import { beforeEach, describe, expect, it } from "vitest";
import type { RunRecord } from "../../../coordinator/core/record.ts";
import { writeRun } from "../../../coordinator/core/run-snapshot.ts";
import type { RunState } from "../../../coordinator/core/run-state.ts";
import type { Journal } from "../../../coordinator/journal/journal.ts";
import { MemoryConnection, MemoryStream } from "../../../coordinator/journal/memory-stream.ts";
import { loadRun, type RunStores } from "../../../coordinator/journal/run-loader.ts";
import { type SnapshotPointer, Snapshots } from "../../../coordinator/journal/snapshots.ts";
import { StreamEventLog } from "../../../coordinator/journal/stream-event-log.ts";
import { StreamJournal } from "../../../coordinator/journal/stream-journal.ts";
import { MessageCodec } from "../../../shared/actor/message-codec.ts";
import { Subjects } from "../../../shared/bus/subjects.ts";
import { changed } from "../../support/changed.ts";
import { RunDriver } from "../../support/run-driver.ts";
import { MemoryObjects } from "../store/memory-objects.ts";

const subjects = new Subjects("test");
const codec = new MessageCodec();
const epoch = 3;

let stream: MemoryStream;
let objects: MemoryObjects;
let leftAside: string[];
let stores: RunStores & { readonly snapshots: Snapshots };
let driver: RunDriver;
let storedRecords: number;
let lastSeq: number;

beforeEach(() => {
  stream = new MemoryStream();
  objects = new MemoryObjects();
  leftAside = [];
  const connection = new MemoryConnection(stream);
  stores = {
    journal: new StreamJournal(connection, subjects),
    eventLog: new StreamEventLog(new MemoryConnection(new MemoryStream()), subjects),
    codec,
    readGraph: () => Promise.reject(new Error("no graph is stored here")),
    documents: { read: () => Promise.reject(new Error("no document is stored here")) },
    snapshots: new Snapshots({
      stream: connection,
      subjects,
      objects,
      giveWay: async () => {},
      onLeftAside: (_run, reason) => leftAside.push(reason),
    }),
  };
  driver = new RunDriver({ a: {}, b: { needs: ["a"] }, c: { needs: ["b"] } });
  storedRecords = 0;
  lastSeq = 0;
});

/** Stores what the run has recorded since the last time, and its events. */
async function store(): Promise<void> {
  const records: RunRecord[] = driver.records.slice(storedRecords);
  const append = { run: "r1", epoch, batch: `batch-${storedRecords}`, expectedSeq: lastSeq };
  const result = await stores.journal.append({ ...append, payload: codec.encode(records) });
  storedRecords += records.length;
  lastSeq = result.seq;
  const missing = (await loadRun("r1", { ...stores, snapshots: undefined })).missingEvents;
  await stores.eventLog.store("r1", missing[0]?.seq ?? 1, missing);
}

async function keepSnapshot(place = { seq: lastSeq, epoch }): Promise<void> {
  const { snapshots } = stores;
  await snapshots.keep("r1", await snapshots.pack(writeRun(driver.state)), place);
}

function pointer(): SnapshotPointer {
  return JSON.parse(Buffer.from(stream.last(subjects.snapshot("r1"))?.payload ?? "").toString());
}

async function rewritePointer(change: Partial<SnapshotPointer>): Promise<void> {
  const payload = Buffer.from(JSON.stringify({ ...pointer(), ...change }));
  const subject = subjects.snapshot("r1");
  const expectedSeq = stream.last(subject)?.seq ?? 0;
  stream.store({ subject, payload, expectedSeq, batch: "rewritten", epoch });
}

/** A run with a snapshot and some entries behind it. */
async function storeRunWithSnapshot(): Promise<void> {
  driver.execute("a");
  await store();
  await keepSnapshot();
  driver.execute("b");
  await store();
}

describe("a run with a snapshot", () => {
  it("is loaded from it and the entries behind it", async () => {
    await storeRunWithSnapshot();
    const readAfter: number[] = [];
    const { journal: whole } = stores;
    const journal = changed<Journal>(whole, {
      read: (run, afterSeq = 0) => {
        readAfter.push(afterSeq);
        return whole.read(run, afterSeq);
      },
    });
    const loaded = await loadRun("r1", { ...stores, journal });
    expect(readAfter.at(-1)).toBe(pointer().seq);
    expect(loaded.state).toStrictEqual(driver.state);
    expect(loaded).toMatchObject({ seq: lastSeq, epoch, missingEvents: [], refused: 0 });
    expect(loaded.tail).toBe(2);
    expect(leftAside).toEqual([]);
  });

  it("still refuses what a deposed leader wrote behind it", async () => {
    driver.execute("a");
    await store();
    await keepSnapshot();
    const [late] = new RunDriver({ a: {} }).records;
    const append = { run: "r1", epoch: epoch - 1, batch: "late", expectedSeq: lastSeq };
    await stores.journal.append({ ...append, payload: codec.encode([late]) });
    const loaded = await loadRun("r1", stores);
    expect(loaded.refused).toBe(1);
    expect(loaded.state).toStrictEqual(driver.state);
  });

  const damages: Record<string, () => void | Promise<void>> = {
    "its object is missing": () => objects.stored.clear(),
    "its object is damaged": () => {
      for (const bytes of objects.stored.values()) bytes.writeUInt8(bytes.readUInt8(40) ^ 1, 40);
    },
    "it is of another format": () => rewritePointer({ format: 999 }),
    "another version wrote it": () => rewritePointer({ version: "99.0.0" }),
    "its entry is not in the journal": () => rewritePointer({ seq: 1_000_000 }),
    "the journal has a later entry in place of its own": () => rewritePointer({ seq: lastSeq - 1 }),
    "its entry is of another epoch": () => rewritePointer({ epoch: epoch + 1 }),
    "its pointer is not one": () => rewritePointer({ digest: "none" }),
  };
  for (const [what, damage] of Object.entries(damages)) {
    it(`is loaded from all of its entries when ${what}`, async () => {
      await storeRunWithSnapshot();
      await damage();
      const loaded = await loadRun("r1", stores);
      expect(loaded.state).toStrictEqual(driver.state);
      expect(loaded.tail).toBe(driver.records.length);
      expect(leftAside).toHaveLength(1);
    });
  }

  it("is loaded from all of its entries when the event log has not come as far", async () => {
    await storeRunWithSnapshot();
    const eventLog = new StreamEventLog(new MemoryConnection(new MemoryStream()), subjects);
    const loaded = await loadRun("r1", { ...stores, eventLog });
    expect(loaded.missingEvents.map((event) => event.seq)).toEqual(
      Array.from({ length: driver.state.eventSeq }, (_, index) => index + 1),
    );
    expect(leftAside).toHaveLength(1);
  });
});

describe("the snapshots of a run", () => {
  it("take the place of the one before", async () => {
    await storeRunWithSnapshot();
    await keepSnapshot();
    expect([...objects.stored.keys()]).toEqual([`snapshot/${pointer().digest}`]);
    expect((await loadRun("r1", stores)).tail).toBe(0);
  });

  it("never go back", async () => {
    await storeRunWithSnapshot();
    await keepSnapshot();
    const latest = pointer();
    const written = stream.last(subjects.snapshot("r1"))?.seq;
    await keepSnapshot({ seq: lastSeq - 1, epoch });
    await keepSnapshot({ seq: lastSeq, epoch: epoch + 1 });
    expect(pointer()).toEqual(latest);
    expect(stream.last(subjects.snapshot("r1"))?.seq).toBe(written);
    expect([...objects.stored.keys()]).toEqual([`snapshot/${latest.digest}`]);
  });

  it("keep their object when a later entry has changed nothing that is in them", async () => {
    driver.execute("a");
    await store();
    await keepSnapshot();
    const { digest } = pointer();
    await keepSnapshot({ seq: lastSeq + 1, epoch });
    expect(pointer()).toMatchObject({ digest, seq: lastSeq + 1 });
    expect([...objects.stored.keys()]).toEqual([`snapshot/${digest}`]);
  });

  it("leave those of another leader alone that has written one meanwhile", async () => {
    await storeRunWithSnapshot();
    const before = pointer();
    const { put } = objects;
    objects.put = async (...given) => {
      await rewritePointer({ seq: 1_000_000 });
      return put.apply(objects, given);
    };
    await keepSnapshot();
    expect(pointer()).toEqual({ ...before, seq: 1_000_000 });
    expect(objects.stored.has(`snapshot/${before.digest}`)).toBe(true);
  });

  it("are due after many records, and more of them where each costs more", () => {
    const due = (jobs: number, records: number) =>
      stores.snapshots.isDue({ jobs: Array.from({ length: jobs }) } as Pick<RunState, "jobs">, records);
    expect([due(1, 29_999), due(1, 30_000), due(100_000, 49_999), due(100_000, 50_000)]).toEqual([
      false,
      true,
      false,
      true,
    ]);
  });

  it("give way to others between any two of their lines, as they are made and as they are read", async () => {
    let ways = 0;
    const giveWay = async (): Promise<void> => {
      ways += 1;
    };
    const onLeftAside = (): void => undefined;
    const connection = new MemoryConnection(stream);
    const snapshots = new Snapshots({ stream: connection, subjects, objects, giveWay, onLeftAside });
    driver.execute("a");
    await store();
    const lines = [...writeRun(driver.state)];
    await snapshots.keep("r1", await snapshots.pack(lines), { seq: lastSeq, epoch });
    expect(ways).toBe(lines.length);
    const read: string[] = [];
    for await (const line of snapshots.lines(pointer())) read.push(line);
    expect(read).toEqual(lines);
    expect(ways).toBe(2 * lines.length);
  });
});
