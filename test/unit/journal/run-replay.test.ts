import { describe, expect, it } from "vitest";
import type { RunRecord } from "../../../coordinator/core/record.ts";
import type { Entry } from "../../../coordinator/journal/journal.ts";
import { RunReplay } from "../../../coordinator/journal/run-replay.ts";
import { MessageCodec } from "../../../shared/actor/message-codec.ts";
import { RunDriver } from "../../support/run-driver.ts";

const codec = new MessageCodec();
const nothing = (): Promise<never> => Promise.reject(new Error("nothing is stored here"));
const sources = { codec, readGraph: nothing, documents: { store: nothing, read: nothing } };
const records = new RunDriver({ a: {}, b: {} }).records;

function entry(seq: number, epoch: number, taken: readonly RunRecord[]): Entry {
  return { run: "r1", seq, epoch, payload: codec.encode(taken) };
}

const claim = (at: number): RunRecord => ({ type: "claimed", at }) as RunRecord;

describe("a run's journal that is folded as it is read", () => {
  it("takes an entry in once, however often it is read", async () => {
    const replay = new RunReplay("r1", sources, 0);
    await replay.apply(entry(1, 1, records));
    const { eventSeq } = replay.state;
    const { tail, seq } = replay;
    const events = replay.missingEvents.length;
    expect(events).toBeGreaterThan(0);
    await replay.apply(entry(1, 1, records));
    expect(replay.state.eventSeq).toBe(eventSeq);
    expect([replay.tail, replay.seq, replay.missingEvents.length]).toEqual([tail, seq, events]);
  });

  it("counts what a deposed leader wrote, and goes on behind it", async () => {
    const replay = new RunReplay("r1", sources, 0);
    await replay.apply(entry(1, 2, records));
    const { eventSeq } = replay.state;
    await replay.apply(entry(2, 1, [claim(5)]));
    expect([replay.refused, replay.seq, replay.epoch, replay.state.eventSeq]).toEqual([1, 2, 2, eventSeq]);
  });

  it("keeps no event that the log has, and all behind the last of them", async () => {
    const replay = new RunReplay("r1", sources, 0);
    await replay.apply(entry(1, 1, records));
    const all = replay.missingEvents.map(({ seq }) => seq);
    replay.onEventsStored(1);
    expect(replay.missingEvents.map(({ seq }) => seq)).toEqual(all.slice(1));
    // An answer that comes late takes nothing back.
    replay.onEventsStored(0);
    expect(replay.missingEvents.map(({ seq }) => seq)).toEqual(all.slice(1));
    const half = new RunReplay("r1", sources, 1);
    await half.apply(entry(1, 1, records));
    expect(half.missingEvents.map(({ seq }) => seq)).toEqual(all.slice(1));
    const known = new RunReplay("r1", sources, all.length);
    await known.apply(entry(1, 1, records));
    expect(known.missingEvents).toEqual([]);
  });

  it("can't be read when it does not begin with its submission", async () => {
    const replay = new RunReplay("r1", sources, 0);
    await expect(replay.apply(entry(1, 1, [claim(5)]))).rejects.toMatchObject({ code: "corrupt" });
  });

  it("has no state before its first entry", () => {
    expect(() => new RunReplay("r1", sources, 0).state).toThrow("there is no run r1");
  });
});
