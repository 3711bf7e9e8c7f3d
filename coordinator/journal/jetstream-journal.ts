/** The journal, the event log and the store of results of a namespace as they are used outside simulations: over JetStream. */
import type { Bus } from "../../shared/bus/connection.ts";
import { AckInbox } from "../../shared/store/ack-inbox.ts";
import type { Objects } from "../../shared/store/objects.ts";
import { TimeSlice } from "../../shared/store/time-slice.ts";
import { agentsHeardOf } from "./heartbeats.ts";
import { JetStreamRecordStream, type JetStreamRecordStreamOptions } from "./jetstream-record-stream.ts";
import { JetStreamReuseStore } from "./jetstream-reuse-store.ts";
import type { EventLog, Journal } from "./journal.ts";
import type { ReuseStore } from "./reuse-store.ts";
import { Snapshots, type SnapshotsOptions } from "./snapshots.ts";
import { StreamEventLog } from "./stream-event-log.ts";
import { StreamJournal } from "./stream-journal.ts";

export interface OpenJournal {
  readonly journal: Journal;
  readonly eventLog: EventLog;
  /** What is remembered of jobs. */
  readonly reuseStore: ReuseStore;
  /** Tokens of the agents of which a heartbeat was heard lately. */
  readonly heardOf: () => Promise<string[]>;
  /** Snapshots of runs, in the bucket of these objects; told is each one that could not be used. */
  readonly openSnapshots: (objects: Objects, onLeftAside: SnapshotsOptions["onLeftAside"]) => Snapshots;
  /** Rejects what is under way, with `unavailable` once the bus is closed. */
  close(): void;
}

export interface OpenJournalOptions extends JetStreamRecordStreamOptions {
  /** After which an unanswered append is published again. Default: 5,000. */
  readonly repeatAfterMs?: number;
}

/** Opens both over the bus's namespace; `ensureStreams` has made the streams. */
export function openJournal(bus: Bus, options: OpenJournalOptions = {}): OpenJournal {
  const inbox = new AckInbox(bus.connection, { limitMs: options.repeatAfterMs ?? 5_000 });
  const { subjects } = bus;
  const journal = new JetStreamRecordStream(bus, subjects.journalStream(), inbox, options);
  const events = new JetStreamRecordStream(bus, subjects.eventStream(), inbox, options);
  const heartbeats = new JetStreamRecordStream(bus, subjects.heartbeatStream(), inbox, options);
  return {
    journal: new StreamJournal(journal, subjects),
    eventLog: new StreamEventLog(events, subjects),
    reuseStore: new JetStreamReuseStore(bus, inbox),
    heardOf: () => agentsHeardOf(heartbeats, subjects),
    openSnapshots: (objects, onLeftAside) => {
      const slice = new TimeSlice();
      const giveWay = async (): Promise<void> => {
        if (slice.isOver) await slice.rest();
      };
      return new Snapshots({ stream: journal, subjects, objects, giveWay, onLeftAside });
    },
    close: () => inbox.close(),
  };
}
