import { expect, test } from "vitest";
import { connectBus } from "../../../shared/bus/connection.ts";
import { readStorageUsage } from "../../../shared/bus/stream-usage.ts";
import { ensureStreams } from "../../../shared/bus/streams.ts";
import { startNatsServer } from "../../support/nats-server.ts";

const limitedAccount = `
accounts { A { jetstream: { max_file: 3MB, max_mem: 1MB }, users: [{ user: a, password: a }] } }
no_auth_user: a`;

test("the usage of a namespace has its streams' and its account's limits, where there are any", async () => {
  await using server = await startNatsServer();
  const bus = await connectBus({ server: server.url, name: "test", namespace: "ns1" });
  await ensureStreams(bus, { logMaxBytes: 5_000_000 });
  await bus.jetstream.publish(bus.subjects.leader(), "claim");
  const { streams, accounts, isClustered } = await readStorageUsage(bus);
  const journal = streams.find(({ stream }) => stream === bus.subjects.journalStream());
  expect(journal).toMatchObject({
    messages: 1,
    maxBytes: null,
    maxAgeMs: null,
    refusesWhenFull: true,
    replicas: 1,
  });
  expect(streams.find(({ stream }) => stream === bus.subjects.logStream())).toMatchObject({
    maxBytes: 5_000_000,
    maxAgeMs: 30 * 24 * 3600_000,
    refusesWhenFull: false,
  });
  expect(accounts).toEqual([{ bytes: journal?.bytes, maxBytes: null }]);
  expect(isClustered).toBe(false);
  await bus.close();
});

test("the usage of a namespace has the limit of its account", async () => {
  await using server = await startNatsServer({ config: limitedAccount });
  const bus = await connectBus({ server: server.url, name: "test", namespace: "ns1" });
  await ensureStreams(bus);
  expect((await readStorageUsage(bus)).accounts).toEqual([{ bytes: 0, maxBytes: 3 * 2 ** 20 }]);
  await bus.close();
});
