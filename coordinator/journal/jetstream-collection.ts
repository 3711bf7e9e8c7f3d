/** What a collection does to the streams of a namespace, over JetStream. */
import { z } from "zod";
import type { Bus } from "../../shared/bus/connection.ts";
import { MillraceError } from "../../shared/model/error.ts";
import { askJetStream } from "../../shared/store/jetstream-request.ts";
import { ObjectInventory } from "../../shared/store/object-inventory.ts";
import type { Objects } from "../../shared/store/objects.ts";
import { lastMessage, purgeMessages } from "../../shared/store/stream-messages.ts";
import type { Bounds, CollectionStores } from "../storage/collection-stores.ts";
import type { Journal } from "./journal.ts";

const infoSchema = z.object({ state: z.object({ last_seq: z.number() }) });
const createdSchema = z.object({ created: z.iso.datetime({ offset: true }) });
const CLOCK_CONSUMER_NS = 1_000_000_000;

export function openCollectionStores(bus: Bus, journal: Journal, objects: Objects): CollectionStores {
  const { connection, subjects } = bus;
  const inventory = new ObjectInventory(connection, subjects.objectBucket());

  async function ask<T>(verb: string, body: object, schema: z.ZodType<T>): Promise<T> {
    const answer = await askJetStream(connection, verb, body, schema);
    if (answer.kind === "done") return answer.result;
    throw new MillraceError("unavailable", `the server refuses ${verb}: ${answer.reason}`, {
      fix: "See that these credentials may use the JetStream API, and that the streams exist.",
    });
  }

  async function lastSeq(stream: string): Promise<number> {
    return (await ask(`STREAM.INFO.${stream}`, {}, infoSchema)).state.last_seq;
  }

  function purge(stream: string, filter: string, upTo: number): Promise<void> {
    return purgeMessages(connection, stream, { filter, upTo });
  }

  return {
    now: async () => {
      // A consumer says when it was made: the one way to the server's time that every version has.
      const stream = subjects.journalStream();
      const config = {
        ack_policy: "none",
        deliver_policy: "new",
        mem_storage: true,
        inactive_threshold: CLOCK_CONSUMER_NS,
      };
      const body = { stream_name: stream, config };
      return Date.parse((await ask(`CONSUMER.CREATE.${stream}`, body, createdSchema)).created);
    },
    leadingEpoch: () => journal.lastEpoch(),
    lastOfEachRun: () => journal.lastOfEachRun(),
    append: (append) => journal.append(append),
    runBytes: async function* (run) {
      for await (const { payload } of journal.read(run)) yield payload;
      const pointer = await lastMessage(connection, subjects.journalStream(), subjects.snapshot(run));
      if (pointer !== undefined) yield pointer.data;
    },
    objectBytes: async function* (name) {
      if ((await objects.info(name)) !== undefined) yield* objects.get(name);
    },
    bounds: async (): Promise<Bounds> => {
      const { journalStream, eventStream, logStream } = subjects;
      const [journal, events, logs] = await Promise.all(
        [journalStream(), eventStream(), logStream()].map(lastSeq),
      );
      return { journal: journal ?? 0, events: events ?? 0, logs: logs ?? 0 };
    },
    removeRun: async (run, upTo) => {
      await purge(subjects.logStream(), subjects.logsOf(run), upTo.logs);
      await purge(subjects.eventStream(), subjects.runEvents(run), upTo.events);
      await purge(subjects.journalStream(), subjects.snapshot(run), upTo.journal);
      await purge(subjects.journalStream(), subjects.journal(run), upTo.journal);
    },
    entries: (afterSeq) => inventory.entries(afterSeq),
    chunks: () => inventory.chunks(),
    removeObjectMessage: (seq) => inventory.remove(seq),
  };
}
