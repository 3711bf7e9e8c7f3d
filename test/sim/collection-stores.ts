/** What a collection asks of the streams, over their models: each request takes its time, and others come between. */
import type { Journal } from "../../coordinator/journal/journal.ts";
import type { MemoryConnection } from "../../coordinator/journal/memory-stream.ts";
import type { CollectionStores } from "../../coordinator/storage/collection-stores.ts";
import type { Objects } from "../../shared/store/objects.ts";
import type { World } from "./world.ts";

/** Messages that come with one answer. */
const AT_A_TIME = 10;

export function simulatedCollectionStores(
  world: World,
  to: { readonly connection: MemoryConnection; readonly journal: Journal; readonly objects: Objects },
): CollectionStores {
  const { journal, events, subjects, shelf, clock } = world;
  const { bucket } = shelf;
  const { connection, objects } = to;
  return {
    now: () => connection.ask(() => clock.now()),
    leadingEpoch: () => to.journal.lastEpoch(),
    lastOfEachRun: () => to.journal.lastOfEachRun(),
    append: (append) => to.journal.append(append),
    runBytes: async function* (run) {
      for await (const { payload } of to.journal.read(run)) yield payload;
      const pointer = await connection.last(subjects.snapshot(run));
      if (pointer !== undefined) yield pointer.payload;
    },
    objectBytes: async function* (name) {
      if ((await objects.info(name)) !== undefined) yield* objects.get(name);
    },
    bounds: () => connection.ask(() => ({ journal: journal.lastSeq, events: events.lastSeq, logs: 0 })),
    removeRun: async (run, upTo) => {
      await connection.ask(() => events.purge(subjects.runEvents(run), upTo.events));
      await connection.ask(() => journal.purge(subjects.snapshot(run), upTo.journal));
      await connection.ask(() => journal.purge(subjects.journal(run), upTo.journal));
    },
    // As a consumer does: what is stored while it is read is read as well, up to as many as there were.
    entries: async function* (afterSeq) {
      let left = await connection.ask(() => bucket.entriesBehind(afterSeq).length);
      for (let at = afterSeq; left > 0; ) {
        const next = await connection.ask(() => bucket.entriesBehind(at).slice(0, Math.min(left, AT_A_TIME)));
        if (next.length === 0) return;
        left -= next.length;
        at = next.at(-1)?.seq ?? at;
        yield* next;
      }
    },
    chunks: async function* () {
      yield* await connection.ask(() => bucket.chunks());
    },
    removeObjectMessage: (seq) => connection.ask(() => bucket.remove(seq)),
  };
}
