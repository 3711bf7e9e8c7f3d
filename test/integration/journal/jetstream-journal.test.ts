import { expect, it } from "vitest";
import { openJournal } from "../../../coordinator/journal/jetstream-journal.ts";
import { connectBus } from "../../../shared/bus/connection.ts";
import { ensureStreams } from "../../../shared/bus/streams.ts";
import { describeJournal, type JournalPlace } from "../../support/journal-conformance.ts";
import { startNatsServer } from "../../support/nats-server.ts";
import { startTcpProxy } from "../../support/tcp-proxy.ts";

const NANOSECONDS_PER_MS = 1_000_000;

describeJournal("JetStream", openPlace);

async function openPlace(): Promise<JournalPlace> {
  const server = await startNatsServer();
  const direct = await connectBus({ server: server.url, name: "test", namespace: "test" });
  await ensureStreams(direct);
  const closers: (() => Promise<void>)[] = [];

  async function crash(): Promise<void> {
    await server.kill();
    await server.restart();
  }

  return {
    open: async () => {
      const proxy = await startTcpProxy(server.port);
      const bus = await connectBus({
        server: `nats://127.0.0.1:${proxy.port}`,
        name: "view",
        namespace: "test",
      });
      const { journal, eventLog, close } = openJournal(bus);
      closers.push(async () => {
        close();
        await bus.close();
        await proxy.close();
      });
      return { journal, eventLog, loseAcknowledgement: () => proxy.loseNextAnswer() };
    },
    // A server reads back only the ids within the window when it starts.
    forgetMessageIds: async () => {
      const name = direct.subjects.journalStream();
      const { config } = await direct.manager.streams.info(name);
      const duplicate_window = 100 * NANOSECONDS_PER_MS;
      await direct.manager.streams.update(name, { ...config, duplicate_window });
      await crash();
    },
    restart: crash,
    fill: async () => {
      const { config, state } = await direct.manager.streams.info(direct.subjects.journalStream());
      await direct.manager.streams.update(config.name, { ...config, max_bytes: state.bytes });
    },
    makeRoom: async () => {
      const { config } = await direct.manager.streams.info(direct.subjects.journalStream());
      await direct.manager.streams.update(config.name, { ...config, max_bytes: -1 });
    },
    purge: async (run) => {
      const filter = direct.subjects.journal(run);
      await direct.manager.streams.purge(direct.subjects.journalStream(), { filter });
    },
    storedEvents: (run) => storedEvents(server.url, run),
    close: async () => {
      for (const close of closers) await close();
      await direct.close();
      await server.stop();
    },
  };
}

async function storedEvents(url: string, run: string): Promise<object[][]> {
  const bus = await connectBus({ server: url, name: "reader", namespace: "test" });
  const stream = bus.subjects.eventStream();
  const { state } = await bus.manager.streams.info(stream);
  const messages: object[][] = [];
  for (let seq = state.first_seq; seq <= state.last_seq; seq++) {
    const message = await bus.manager.streams.getMessage(stream, { seq });
    if (message.subject === bus.subjects.runEvents(run)) messages.push(message.json());
  }
  await bus.close();
  return messages;
}

it("rejects what is under way when the connection is closed", async () => {
  await using server = await startNatsServer();
  const bus = await connectBus({ server: server.url, name: "test", namespace: "test" });
  await ensureStreams(bus);
  const { journal, close } = openJournal(bus);
  await server.kill();
  const append = journal.append({
    run: "r",
    epoch: 1,
    batch: "b",
    expectedSeq: 0,
    payload: new Uint8Array(1),
  });
  close();
  await bus.close();
  await expect(append).rejects.toMatchObject({ code: "unavailable" });
});

it("refuses a batch that no message can hold", async () => {
  await using server = await startNatsServer();
  const bus = await connectBus({ server: server.url, name: "test", namespace: "test" });
  await ensureStreams(bus);
  const { journal, close } = openJournal(bus);
  const payload = new Uint8Array(bus.maxPayload() + 1);
  const append = journal.append({ run: "r", epoch: 1, batch: "b", expectedSeq: 0, payload });
  await expect(append).rejects.toMatchObject({ code: "badInput" });
  close();
  await bus.close();
});
