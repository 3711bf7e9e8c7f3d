import { afterAll, beforeAll, expect, it } from "vitest";
import { type OpenJournal, openJournal } from "../../../coordinator/journal/jetstream-journal.ts";
import { loadRun, type RunStores } from "../../../coordinator/journal/run-loader.ts";
import type { Snapshots } from "../../../coordinator/journal/snapshots.ts";
import { MessageCodec } from "../../../shared/actor/message-codec.ts";
import { type Bus, connectBus } from "../../../shared/bus/connection.ts";
import { ensureStreams } from "../../../shared/bus/streams.ts";
import { getDocument, putDocument } from "../../../shared/store/document.ts";
import { JetStreamObjects } from "../../../shared/store/jetstream-objects.ts";
import { storeHalfDoneRun } from "../../support/half-done-run.ts";
import { layeredJobs } from "../../support/layered-graph.ts";
import { startNatsServer, type TestServer } from "../../support/nats-server.ts";

const jobs = layeredJobs(5_000);
const half = { jobs, finished: 2_500, leased: 3 };
const records = 1 + 2 * (half.finished + half.leased);

let server: TestServer;
let bus: Bus;
let open: OpenJournal;
let objects: JetStreamObjects;
let graph: string;
let leftAside: string[];
let stores: RunStores & { readonly snapshots: Snapshots };

beforeAll(async () => {
  server = await startNatsServer();
  bus = await connectBus({ server: server.url, name: "test", namespace: "test" });
  await makeEarlierStream();
  await ensureStreams(bus);
  open = openJournal(bus);
  objects = new JetStreamObjects(bus.connection, { bucket: bus.subjects.objectBucket() });
  graph = await putDocument(objects, "graph", { jobs });
  leftAside = [];
  stores = {
    journal: open.journal,
    eventLog: open.eventLog,
    codec: new MessageCodec(),
    readGraph: (digest) => getDocument(objects, "graph", digest),
    documents: { read: (digest) => getDocument(objects, "data", digest) },
    snapshots: open.openSnapshots(objects, (_run, reason) => leftAside.push(reason)),
  };
});
afterAll(async () => {
  open.close();
  objects.close();
  await bus.close();
  await server.stop();
});

/** The journal's stream as it was before there were snapshots. */
async function makeEarlierStream(): Promise<void> {
  const { subjects } = bus;
  const name = subjects.journalStream();
  await bus.manager.streams.add({ name, subjects: [subjects.journalAll(), subjects.leader()] });
}

it("brings a run back from a snapshot as from all of its entries", async () => {
  await storeHalfDoneRun({ ...half, run: "r1", graph, tail: 500 }, stores);
  const whole = await loadRun("r1", { ...stores, snapshots: undefined });
  const resumed = await loadRun("r1", stores);
  expect(whole.tail).toBe(records);
  expect(resumed.tail).toBeLessThanOrEqual(500);
  expect(resumed.state).toStrictEqual(whole.state);
  expect(resumed.seq).toBe(whole.seq);
  expect(leftAside).toEqual([]);
});

it("reads all of the entries when the snapshot's object is gone", async () => {
  await storeHalfDoneRun({ ...half, run: "r2", graph, tail: 500 }, stores);
  const pointer = await stores.snapshots.find("r2");
  await objects.remove(`snapshot/${pointer?.digest}`);
  expect((await loadRun("r2", stores)).tail).toBe(records);
  expect(leftAside).toHaveLength(1);
});
