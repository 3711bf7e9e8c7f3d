import { MemoryConnection, MemoryStream } from "../../../coordinator/journal/memory-stream.ts";
import { StreamEventLog } from "../../../coordinator/journal/stream-event-log.ts";
import { StreamJournal } from "../../../coordinator/journal/stream-journal.ts";
import { Subjects } from "../../../shared/bus/subjects.ts";
import { describeJournal, type JournalPlace } from "../../support/journal-conformance.ts";

const subjects = new Subjects("test");

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
      const journal = new MemoryConnection(journalStream);
      const events = new MemoryConnection(eventStream);
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
    storedEvents: async (run) =>
      eventStream
        .recordsOf(subjects.runEvents(run))
        .map(({ payload }) => JSON.parse(new TextDecoder().decode(payload)) as object[]),
    close: async () => {},
  };
}
