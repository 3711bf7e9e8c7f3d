import { describe, expect, it } from "vitest";
import { Counters } from "../../../coordinator/actors/counters.ts";
import { openRun } from "../../../coordinator/actors/run-recovery.ts";
import type { RunSurroundings } from "../../../coordinator/actors/run-surroundings.ts";
import type { RunRecord } from "../../../coordinator/core/record.ts";
import type { Journal } from "../../../coordinator/journal/journal.ts";
import { MemoryConnection, MemoryStream } from "../../../coordinator/journal/memory-stream.ts";
import { loadRun } from "../../../coordinator/journal/run-loader.ts";
import { StreamEventLog } from "../../../coordinator/journal/stream-event-log.ts";
import { StreamJournal } from "../../../coordinator/journal/stream-journal.ts";
import { MessageCodec } from "../../../shared/actor/message-codec.ts";
import { Subjects } from "../../../shared/bus/subjects.ts";
import { MillraceError } from "../../../shared/model/error.ts";
import { RunDriver } from "../../support/run-driver.ts";

const subjects = new Subjects("test");
const codec = new MessageCodec();

/** The journal of run r1, and what the leader of an epoch is given to take it over. */
function place(records: readonly RunRecord[]) {
  const stream = new MemoryStream();
  const journal = new StreamJournal(new MemoryConnection(stream), subjects);
  const eventLog = new StreamEventLog(new MemoryConnection(new MemoryStream()), subjects);
  let batches = 0;
  const append = async (more: readonly RunRecord[], epoch: number): Promise<void> => {
    const expectedSeq = stream.last(subjects.journal("r1"))?.seq ?? 0;
    const batch = `written-${++batches}`;
    await journal.append({ run: "r1", epoch, batch, expectedSeq, payload: codec.encode(more) });
  };
  const leader = (epoch: number, wrapped: Journal = journal) => {
    const refuse = (): Promise<never> => Promise.reject(new Error("nothing is stored here"));
    const documents = { store: refuse, read: refuse };
    const stores = { journal: wrapped, eventLog, codec, readGraph: refuse, documents };
    const given = { run: "r1", epoch, counters: new Counters(), ...stores };
    return { stores, surroundings: given as Partial<RunSurroundings> as RunSurroundings };
  };
  const epochs = (): number[] => stream.recordsOf(subjects.journal("r1")).map((record) => record.epoch);
  return { append, leader, epochs, written: append(records, 1), journal, stream };
}

const tools = { now: () => 5_000, id: () => `claim-${Math.random()}` };

function driven(): { submitted: RunRecord[]; assigned: RunRecord[] } {
  const run = new RunDriver({ a: {}, b: { needs: ["a"] } });
  const before = run.records.length;
  run.grant("a");
  return { submitted: run.records.slice(0, before), assigned: run.records.slice(before) };
}

describe("taking a run over", () => {
  it("folds what an earlier leader wrote after it was followed, and claims behind that", async () => {
    const { submitted, assigned } = driven();
    const { append, leader, epochs, written } = place(submitted);
    await written;
    const { surroundings, stores } = leader(2);
    const followed = await loadRun("r1", stores);
    await append(assigned, 1);
    const opened = await openRun(surroundings, { isStored: true, followed }, tools);
    expect(opened).toMatchObject({ kind: "takenOver", seq: 3 });
    if (opened.kind !== "takenOver") throw new Error("it was not taken over");
    expect(opened.state.jobs[0]).toMatchObject({ phase: "assigned" });
    expect(epochs()).toEqual([1, 1, 2]);
  });

  it("is given up when a later leader has claimed it, and writes nothing", async () => {
    const { submitted, assigned } = driven();
    const { append, leader, epochs, written } = place(submitted);
    await written;
    const { surroundings, stores } = leader(2);
    const followed = await loadRun("r1", stores);
    await append([{ type: "claimed", at: 1, shiftMs: 0 }], 3);
    await append(assigned, 3);
    expect(await openRun(surroundings, { isStored: true, followed }, tools)).toEqual({
      kind: "deposed",
      epoch: 3,
    });
    expect(epochs()).toEqual([1, 3, 3]);
  });

  it("comes to its claim though an earlier leader goes on writing meanwhile", async () => {
    const { submitted } = driven();
    const { append, leader, epochs, written, journal } = place(submitted);
    await written;
    let left = 5;
    const disturbed: Journal = Object.assign(Object.create(journal), {
      append: async (claim: Parameters<Journal["append"]>[0]) => {
        if (left-- > 0) await append([{ type: "prioritised", at: 1, job: null, priority: left }], 1);
        return journal.append(claim);
      },
      read: (run: string, afterSeq?: number) => journal.read(run, afterSeq),
    });
    const opened = await openRun(leader(2, disturbed).surroundings, { isStored: true }, tools);
    expect(opened).toMatchObject({ kind: "takenOver", state: { priority: 0 } });
    expect(epochs()).toEqual([1, 1, 1, 1, 1, 1, 2]);
  });

  it("begins with what is left when a power cut has taken entries that were followed", async () => {
    const { submitted, assigned } = driven();
    const { append, leader, epochs, written, stream } = place(submitted);
    await written;
    await append(assigned, 1);
    const { surroundings, stores } = leader(2);
    const followed = await loadRun("r1", stores);
    stream.losePower(1);
    const opened = await openRun(surroundings, { isStored: true, followed }, tools);
    expect(opened).toMatchObject({ kind: "takenOver", seq: 2 });
    if (opened.kind !== "takenOver") throw new Error("it was not taken over");
    expect(opened.state.jobs[0]).toMatchObject({ phase: "ready", attempts: [] });
    expect(epochs()).toEqual([1, 2]);
  });

  it("goes on behind the events that are told when a power cut has taken the records behind them", async () => {
    const { submitted, assigned } = driven();
    const { append, leader, epochs, written, stream } = place(submitted);
    await written;
    await append(assigned, 1);
    const { surroundings, stores } = leader(2);
    const before = await loadRun("r1", stores);
    const { eventLog } = surroundings;
    await eventLog.store("r1", 1, before.missingEvents);
    const told = await eventLog.lastSeq("r1");
    stream.losePower(1);
    const opened = await openRun(surroundings, { isStored: true }, tools);
    expect(opened).toMatchObject({ kind: "takenOver", missingEvents: [], state: { eventSeq: told } });
    expect(epochs()).toEqual([1, 2, 2]);
    // Whoever reads the journal later comes to the same numbers.
    await append(assigned, 2);
    const after = await loadRun("r1", stores);
    expect(after.missingEvents.map(({ type, seq }) => [type, seq])).toEqual([["job.assigned", told + 1]]);
  });

  it("is told the events that the log lacks, also when it has got some since the run was followed", async () => {
    const { submitted, assigned } = driven();
    const { append, leader, written } = place(submitted);
    await written;
    const { surroundings, stores } = leader(2);
    const followed = await loadRun("r1", stores);
    await surroundings.eventLog.store("r1", 1, followed.missingEvents);
    await append(assigned, 1);
    const opened = await openRun(surroundings, { isStored: true, followed }, tools);
    expect(opened).toMatchObject({ kind: "takenOver", missingEvents: [{ type: "job.assigned" }] });
  });

  it("goes on from what is read when the journal does not answer the claim, and from nothing after any other failure", async () => {
    const { submitted } = driven();
    const { leader, written, journal } = place(submitted);
    await written;
    for (const [error, isKept] of [
      [new MillraceError("unavailable", "no room"), true],
      [new MillraceError("corrupt", "nonsense"), false],
      [new TypeError("a defect"), false],
    ] as const) {
      const failing: Journal = Object.assign(Object.create(journal), {
        append: () => Promise.reject(error),
        read: (run: string, afterSeq?: number) => journal.read(run, afterSeq),
      });
      const { surroundings, stores } = leader(2, failing);
      const followed = await loadRun("r1", stores);
      const origin = { isStored: true, followed };
      await expect(openRun(surroundings, origin, tools)).rejects.toBe(error);
      expect(origin.followed === followed).toBe(isKept);
    }
    const origin = { isStored: true, followed: await loadRun("r1", leader(2).stores) };
    await openRun(leader(2).surroundings, origin, tools);
    expect(origin.followed).toBeUndefined();
  });

  it("is refused when its journal does not begin with a submission", async () => {
    const { leader, written } = place(driven().assigned);
    await written;
    const opening = openRun(leader(2).surroundings, { isStored: true }, tools);
    await expect(opening).rejects.toMatchObject({ code: "corrupt" });
  });

  it("changes nothing of a run that has ended", async () => {
    const run = new RunDriver({ a: {} });
    run.execute("a");
    const { leader, epochs, written } = place(run.records);
    await written;
    const opened = await openRun(leader(2).surroundings, { isStored: true }, tools);
    expect(opened).toMatchObject({ kind: "takenOver", state: { status: "succeeded" } });
    expect(epochs()).toEqual([1]);
  });
});
