import { describe, expect, it } from "vitest";
import { MemoryConnection, MemoryStream } from "../../../coordinator/journal/memory-stream.ts";
import { StreamEventLog } from "../../../coordinator/journal/stream-event-log.ts";
import { Subjects } from "../../../shared/bus/subjects.ts";
import { gate } from "../../support/actor-world.ts";
import { changed } from "../../support/changed.ts";

const subjects = new Subjects("test");

function place() {
  const stream = new MemoryStream();
  const connection = new MemoryConnection(stream);
  const eventLog = new StreamEventLog(connection, subjects);
  const messages = (subject: string): object[][] =>
    stream.recordsOf(subject).map(({ payload }) => JSON.parse(Buffer.from(payload).toString()) as object[]);
  return { connection, eventLog, messages };
}

const event = (seq: number, bytes = 0): object => ({ seq, type: "job.ready", text: "x".repeat(bytes) });

describe("the log of a run's events", () => {
  it("has them in order, also those that come while others are being stored", async () => {
    const { connection, messages } = place();
    const { opened, open } = gate();
    let published = 0;
    const slow = changed(connection, {
      publish: async (record) => {
        published += 1;
        if (published === 2) await opened;
        return connection.publish(record);
      },
    });
    const eventLog = new StreamEventLog(slow, subjects);
    const first = eventLog.store("r1", 1, [event(1)]);
    const second = eventLog.store("r1", 2, [event(2)]);
    await first;
    await new Promise((resolve) => setImmediate(resolve));
    const third = eventLog.store("r1", 3, [event(3)]);
    await new Promise((resolve) => setImmediate(resolve));
    open();
    await Promise.all([second, third]);
    expect(messages(subjects.runEvents("r1"))).toEqual([[event(1)], [event(2)], [event(3)]]);
  });

  it("has an event that is larger than a message should be in one of its own", async () => {
    const { eventLog, messages } = place();
    await eventLog.store("r1", 1, [event(1), event(2, 300_000), event(3)]);
    expect(messages(subjects.runEvents("r1"))).toEqual([[event(1)], [event(2, 300_000)], [event(3)]]);
  });
});

describe("the log of the fleet's events", () => {
  it("has all of them, in as many messages as it takes", async () => {
    const { eventLog, messages } = place();
    const many = [1, 2, 3, 4].map((seq) => event(seq, 100_000));
    await eventLog.storeFleet(many);
    const stored = messages(subjects.fleetEvents());
    expect(stored).toHaveLength(2);
    expect(stored.flat()).toEqual(many);
  });

  it("has each once, though the acknowledgement was lost", async () => {
    const { connection, eventLog, messages } = place();
    await eventLog.storeFleet([event(1)]);
    connection.loseAcknowledgements();
    await eventLog.storeFleet([event(2)]);
    await eventLog.storeFleet([event(3)]);
    expect(messages(subjects.fleetEvents())).toEqual([[event(1)], [event(2)], [event(3)]]);
  });
});
