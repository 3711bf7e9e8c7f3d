import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { describe, expect, it } from "vitest";
import { viewJobs, viewRun } from "../../../coordinator/core/run-view.ts";
import { RunReplay } from "../../../coordinator/journal/run-replay.ts";
import { MessageCodec } from "../../../shared/actor/message-codec.ts";
import type { JobView, RunView } from "../../../shared/model/api.ts";
import type { RunEvent } from "../../../shared/model/event.ts";

const folder = join(import.meta.dirname, "../../fixtures/journals");

interface RecordedEntry {
  readonly seq: number;
  readonly epoch: number;
  readonly payload: string;
}

interface Recording {
  readonly view: RunView;
  readonly jobs: readonly JobView[];
  readonly documents: ReadonlyMap<string, unknown>;
  readonly events: readonly RunEvent[];
  readonly entries: readonly RecordedEntry[];
}

const files = readdirSync(folder, { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".jsonl"))
  .map((name) => join(folder, name));

function readRecording(file: string): Recording {
  const lines = readFileSync(file, "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  const [{ view, jobs, documents }] = lines;
  const all = <T>(kind: string): T[] => lines.flatMap((line) => (kind in line ? [line[kind] as T] : []));
  return { view, jobs, documents: new Map(documents), events: all("event"), entries: all("entry") };
}

async function replay({ view, documents, entries }: Recording, lastStoredEvent: number): Promise<RunReplay> {
  const read = async (digest: string): Promise<unknown> => documents.get(digest);
  const sources = { codec: new MessageCodec(), readGraph: read, documents: { read } };
  const replayed = new RunReplay(view.run, sources, lastStoredEvent);
  for (const { payload, ...entry } of entries) {
    await replayed.apply({ run: view.run, ...entry, payload: Buffer.from(payload, "base64") });
  }
  return replayed;
}

describe("journals of earlier versions", () => {
  it("are there", () => {
    expect(files.length).toBeGreaterThan(10);
  });

  it("hold records of every type that can be brought about from outside", () => {
    const types = files.flatMap((file) =>
      readRecording(file).entries.flatMap(({ payload }) => {
        const records = new MessageCodec().decode(Buffer.from(payload, "base64")) as { type: string }[];
        return records.map(({ type }) => type);
      }),
    );
    expect([...new Set(types)].sort()).toEqual([
      "assigned",
      "cancelRequested",
      "claimed",
      "ended",
      "failedUnassigned",
      "finished",
      "prioritised",
      "returned",
      "started",
      "stranded",
      "submitted",
    ]);
  });

  for (const file of files) {
    const recording = readRecording(file);
    const { view, jobs, events } = recording;

    it(`replay to what they were then: ${relative(folder, file)}`, async () => {
      const { state, missingEvents } = await replay(recording, 0);
      expect(viewRun(state)).toMatchObject(view);
      expect(viewJobs(state, { offset: 0, limit: 1_000 }).jobs).toMatchObject(jobs);
      expect(missingEvents).toMatchObject(events);
    });

    it(`replay to the events that the log lacks, from any of them on: ${relative(folder, file)}`, async () => {
      for (const { seq } of events) {
        const { missingEvents } = await replay(recording, seq);
        expect(missingEvents).toMatchObject(events.slice(seq));
      }
    });
  }
});
