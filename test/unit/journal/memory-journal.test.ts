import { describe, expect, it } from "vitest";
import { type Later, MemoryConnection, MemoryStream } from "../../../coordinator/journal/memory-stream.ts";
import type { OutgoingRecord } from "../../../coordinator/journal/record-stream.ts";
import { StreamEventLog } from "../../../coordinator/journal/stream-event-log.ts";
import { StreamJournal } from "../../../coordinator/journal/stream-journal.ts";
import { Subjects } from "../../../shared/bus/subjects.ts";
import { describeJournal, type JournalPlace } from "../../support/journal-conformance.ts";

const subjects = new Subjects("test");

/** Steps are microtasks, but for a wait, in which others have their turn. */
const later: Later = (run, leg) => (leg === "repeat" ? setImmediate(run) : queueMicrotask(run));

for (const sequenceFirst of [false, true]) {
  const order = sequenceFirst ? "the sequence before the message id" : "the message id before the sequence";
  describeJournal(`a model that checks ${order}`, async () => openPlace(sequenceFirst));
}

function openPlace(sequenceFirst: boolean): JournalPlace {
  const journalStream = new MemoryStream({ sequenceFirst });
  const eventStream = new MemoryStream({ sequenceFirst });
  const connections: MemoryConnection[] = [];
  return {
    open: async () => {
      const journal = new MemoryConnection(journalStream, later);
      const events = new MemoryConnection(eventStream, later);
      connections.push(journal, events);
      return {
        journal: new StreamJournal(journal, subjects),
        eventLog: new StreamEventLog(events, subjects),
        loseAcknowledgement: () => {
          journal.loseAcknowledgements();
          events.loseAcknowledgements();
        },
      };
    },
    forgetMessageIds: async () => journalStream.forgetMessageIds(),
    restart: async () => {
      for (const connection of connections) connection.cut();
      await Promise.resolve();
      for (const connection of connections) connection.mend();
    },
    fill: async () => {
      journalStream.isFull = true;
    },
    makeRoom: async () => {
      journalStream.isFull = false;
    },
    purge: async (run) => journalStream.purge(subjects.journal(run)),
    storedEvents: async (run) =>
      eventStream
        .recordsOf(subjects.runEvents(run))
        .map(({ payload }) => JSON.parse(new TextDecoder().decode(payload)) as object[]),
    close: async () => {},
  };
}

describe("the model of a stream", () => {
  const record = (messageId: string, expectedSeq: number): OutgoingRecord => ({
    subject: "s",
    payload: new Uint8Array(1),
    expectedSeq,
    batch: messageId,
    epoch: 1,
    messageId,
  });

  it("knows a message id for two minutes", () => {
    let nowMs = 0;
    const stream = new MemoryStream({ monotonicMs: () => nowMs });
    expect(stream.store(record("a", 0))).toEqual({ kind: "stored", seq: 1 });
    nowMs = 120_000;
    expect(stream.store(record("a", 0))).toEqual({ kind: "stored", seq: 1 });
    nowMs += 1;
    expect(stream.store(record("a", 0))).toEqual({ kind: "wrongSequence" });
  });

  it("may lose what had not reached the disk", () => {
    const stream = new MemoryStream();
    for (const seq of [0, 1, 2]) stream.store(record(`m${seq}`, seq));
    stream.losePower(1);
    expect(stream.last("s")?.seq).toBe(1);
    expect(stream.store(record("m1", 1))).toEqual({ kind: "stored", seq: 2 });
  });

  it("stores a request that was under way when the connection was cut, and answers the repeat", async () => {
    const stream = new MemoryStream();
    const steps: (() => void)[] = [];
    const connection = new MemoryConnection(stream, (run) => steps.push(run));
    const answer = connection.publish(record("a", 0));
    connection.cut();
    for (let round = 0; round < 20; round++) {
      await Promise.resolve();
      steps.shift()?.();
      if (round === 8) connection.mend();
    }
    expect(await answer).toEqual({ kind: "stored", seq: 1 });
    expect(stream.recordsOf("s")).toHaveLength(1);
    expect(connection.lost).toBe(1);
  });

  it("sends twice what it is told to, and stores it once", async () => {
    const stream = new MemoryStream();
    const connection = new MemoryConnection(stream);
    connection.doublePublishes();
    expect(await connection.publish(record("a", 0))).toEqual({ kind: "stored", seq: 1 });
    expect(await connection.publish(record("b", 1))).toEqual({ kind: "stored", seq: 2 });
    expect(stream.recordsOf("s")).toHaveLength(2);
  });
});
