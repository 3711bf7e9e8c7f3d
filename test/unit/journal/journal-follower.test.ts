import { describe, expect, it } from "vitest";
import type { RecordOf, RunRecord } from "../../../coordinator/core/record.ts";
import type { EventLog, Journal } from "../../../coordinator/journal/journal.ts";
import { JournalFollower } from "../../../coordinator/journal/journal-follower.ts";
import { MemoryConnection, MemoryStream } from "../../../coordinator/journal/memory-stream.ts";
import { StreamEventLog } from "../../../coordinator/journal/stream-event-log.ts";
import { StreamJournal } from "../../../coordinator/journal/stream-journal.ts";
import { MessageCodec } from "../../../shared/actor/message-codec.ts";
import { Subjects } from "../../../shared/bus/subjects.ts";
import { gate } from "../../support/actor-world.ts";
import { changed } from "../../support/changed.ts";
import { RunDriver, type Sketch } from "../../support/run-driver.ts";
import { silentLog } from "../../support/silent-log.ts";

const subjects = new Subjects("test");
const codec = new MessageCodec();

/** A journal in memory, written to as a leader does. */
class WrittenJournal {
  readonly claims: number[] = [];
  readonly #journalStream = new MemoryStream();
  readonly #eventStream = new MemoryStream();
  readonly #ends = new Map<string, number>();
  readonly #journal = this.open().journal;
  #batches = 0;

  open() {
    const journal = new StreamJournal(new MemoryConnection(this.#journalStream), subjects);
    const eventLog = new StreamEventLog(new MemoryConnection(this.#eventStream), subjects);
    const readGraph = (): Promise<never> => Promise.reject(new Error("no graph is stored here"));
    return { journal, eventLog, codec, readGraph, documents: { store: readGraph, read: readGraph } };
  }

  follower(): JournalFollower {
    return new JournalFollower(this.open(), silentLog, (epoch) => this.claims.push(epoch));
  }

  followerThatMayBeCutOff(): { follower: JournalFollower; connection: MemoryConnection } {
    const connection = new MemoryConnection(this.#journalStream);
    const stores = { ...this.open(), journal: new StreamJournal(connection, subjects) };
    const follower = new JournalFollower(stores, silentLog, (epoch) => this.claims.push(epoch));
    return { follower, connection };
  }

  losePower(keptSeq: number): void {
    this.#journalStream.losePower(keptSeq);
  }

  async claim(): Promise<void> {
    await this.#journal.claimEpoch("node", await this.#journal.lastEpoch());
  }

  async append(run: string, records: readonly RunRecord[] | "rubbish", epoch = 1): Promise<void> {
    const payload = records === "rubbish" ? new Uint8Array([0xc1]) : codec.encode(records);
    const expectedSeq = this.#ends.get(run) ?? 0;
    const batch = `b${++this.#batches}`;
    const result = await this.#journal.append({ run, epoch, batch, expectedSeq, payload });
    expect(result.kind).toBe("stored");
    this.#ends.set(run, result.seq);
  }

  /** Gives a run up, and removes what is left of it. */
  async remove(run: string): Promise<void> {
    await this.giveUp(run);
    this.#journalStream.purge(subjects.journal(run));
  }

  /** Uses an id again of which nothing is left. */
  async begin(run: string, records: readonly RunRecord[]): Promise<void> {
    this.#ends.delete(run);
    await this.append(run, records);
  }

  async giveUp(run: string): Promise<void> {
    const [last] = recordsOf({ a: {} }, endRun).slice(-1);
    await this.append(run, [{ ...(last as RecordOf<"ended">), removed: true }]);
  }

  lastSeq(): Promise<number> {
    return this.#journal.lastSeq();
  }
}

/** The records of a run that went so far. */
function recordsOf(sketch: Sketch, drive: (run: RunDriver) => void = () => undefined): RunRecord[] {
  const run = new RunDriver(sketch);
  drive(run);
  return run.records;
}

const endRun = (run: RunDriver): void => run.execute("a");

describe("a follower of the journal", () => {
  it("knows living and ended runs as they are, from before and from after it began", async () => {
    const journal = new WrittenJournal();
    const whole = recordsOf({ a: {} }, endRun);
    await journal.append("old", whole);
    await journal.append("living", whole.slice(0, 1));
    const follower = journal.follower();
    const following = follower.follow();
    await follower.reached(await journal.lastSeq());
    expect([...follower.living.keys()]).toEqual(["living"]);
    expect([...follower.ended.keys()]).toEqual(["old"]);
    await journal.append("new", whole.slice(0, 1));
    await journal.append("living", whole.slice(1));
    await journal.claim();
    await follower.reached(await journal.lastSeq());
    expect([...follower.living.keys()]).toEqual(["new"]);
    expect(follower.ended.get("living")).toMatchObject({ status: "succeeded" });
    expect(journal.claims).toEqual([1]);
    await journal.append("new", whole.slice(1));
    const runs = await follower.finish();
    expect(runs.living.size).toBe(0);
    expect([...runs.ended.keys()].sort()).toEqual(["living", "new", "old"]);
    await following;
  });

  it("folds one entry after the other as the whole is folded", async () => {
    const journal = new WrittenJournal();
    const whole = recordsOf({ a: {}, b: { needs: ["a"] } }, endRun);
    const follower = journal.follower();
    const following = follower.follow();
    for (const record of whole) {
      await journal.append("r1", [record]);
      await follower.reached(await journal.lastSeq());
    }
    const fresh = journal.follower();
    const freshFollowing = fresh.follow();
    await fresh.reached(await journal.lastSeq());
    expect(follower.living.get("r1")?.state).toEqual(fresh.living.get("r1")?.state);
    expect(follower.living.get("r1")?.missingEvents).toEqual(fresh.living.get("r1")?.missingEvents);
    follower.stop();
    fresh.stop();
    await Promise.all([following, freshFollowing]);
  });

  it("leaves out what a deposed leader wrote", async () => {
    const journal = new WrittenJournal();
    const [submitted, ...rest] = recordsOf({ a: {} }, endRun);
    await journal.append("r1", [submitted as RunRecord], 1);
    await journal.append("r1", [{ type: "claimed", at: 1, shiftMs: 0 }], 2);
    await journal.append("r1", rest, 1);
    await journal.append("r1", [{ type: "claimed", at: 2, shiftMs: 0 }], 2);
    const follower = journal.follower();
    const following = follower.follow();
    await follower.reached(await journal.lastSeq());
    expect(follower.living.get("r1")).toMatchObject({ epoch: 2, refused: 1 });
    expect(follower.ended.size).toBe(0);
    follower.stop();
    await following;
  });

  it("follows the others when one run can't be read", async () => {
    const journal = new WrittenJournal();
    const whole = recordsOf({ a: {} }, endRun);
    await journal.append("bad", "rubbish");
    await journal.append("good", whole.slice(0, 1));
    const follower = journal.follower();
    const following = follower.follow();
    await journal.append("good", whole.slice(1));
    await follower.reached(await journal.lastSeq());
    expect(follower.living.has("bad")).toBe(true);
    expect(follower.living.get("bad")).toBeUndefined();
    expect([...follower.ended.keys()]).toEqual(["good"]);
    follower.stop();
    await following;
  });

  it("reads a run that can't be read once, and not again with each of its entries", async () => {
    const written = new WrittenJournal();
    const [submitted, ...rest] = recordsOf({ a: {} }, endRun);
    const stores = written.open();
    let reads = 0;
    const journal = changed<Journal>(stores.journal, {
      read: () => {
        reads += 1;
        throw new Error("unreadable");
      },
    });
    const follower = new JournalFollower({ ...stores, journal }, silentLog, () => undefined);
    const following = follower.follow();
    for (const record of [submitted, ...rest]) await written.append("r1", [record as RunRecord]);
    await follower.reached(await written.lastSeq());
    expect(reads).toBe(1);
    expect([...follower.living]).toEqual([["r1", undefined]]);
    follower.stop();
    await following;
  });

  it("changes nothing once it is stopped, whatever becomes of what it was just reading", async () => {
    const written = new WrittenJournal();
    const stores = written.open();
    const [reading, read] = [gate(), gate()];
    const journal = changed<Journal>(stores.journal, {
      async *read() {
        reading.open();
        await read.opened;
        yield* [];
      },
    });
    const follower = new JournalFollower({ ...stores, journal }, silentLog, () => undefined);
    const following = follower.follow();
    await written.append("r1", recordsOf({ a: {} }));
    await reading.opened;
    follower.stop();
    read.fail(new Error("the connection is closed"));
    await following;
    expect([...follower.living]).toEqual([]);
    expect(follower.position).toBe(0);
  });

  describe("keeps of a run with very many events", () => {
    const many: Sketch = Object.fromEntries(Array.from({ length: 600 }, (_, index) => [`j${index}`, {}]));
    const driver = new RunDriver(many);
    for (const name of Object.keys(many).slice(0, 300)) driver.execute(name);

    /** Follows it, and says how many events are kept and how often the event log was asked how far it has come. */
    async function followed(lastStoredEvent: number): Promise<{ kept: number | undefined; asked: number }> {
      const written = new WrittenJournal();
      const stores = written.open();
      let asked = 0;
      const eventLog = changed<EventLog>(stores.eventLog, {
        lastSeq: () => {
          asked += 1;
          return Promise.resolve(asked === 1 ? 0 : lastStoredEvent);
        },
      });
      const follower = new JournalFollower({ ...stores, eventLog }, silentLog, () => undefined);
      const following = follower.follow();
      await written.append("r1", driver.records.slice(0, 1));
      await follower.reached(await written.lastSeq());
      asked = 1;
      for (const record of driver.records.slice(1)) await written.append("r1", [record]);
      await follower.reached(await written.lastSeq());
      const kept = follower.living.get("r1")?.missingEvents.length;
      follower.stop();
      await following;
      return { kept, asked: asked - 1 };
    }

    it("those that the event log is not known to have, and asks it now and then", async () => {
      const { kept, asked } = await followed(900);
      expect(driver.state.eventSeq).toBeGreaterThan(1_500);
      expect(kept).toBe(driver.state.eventSeq - 900);
      expect(asked).toBe(1);
    });

    it("all when the event log has none, which it does not ask with each entry", async () => {
      const { kept, asked } = await followed(0);
      expect(kept).toBe(driver.state.eventSeq);
      expect(asked).toBe(1);
    });
  });

  it("lists no run that was removed while it was cut off, and knows those that are being removed", async () => {
    const journal = new WrittenJournal();
    const whole = recordsOf({ a: {} }, endRun);
    for (const run of ["kept", "removed", "givenUp"]) await journal.append(run, whole);
    await journal.append("living", whole.slice(0, 1));
    const { follower, connection } = journal.followerThatMayBeCutOff();
    const following = follower.follow();
    await follower.reached(await journal.lastSeq());
    await journal.giveUp("givenUp");
    await follower.reached(await journal.lastSeq());
    expect([...follower.ended.keys()].sort()).toEqual(["kept", "removed"]);
    connection.cut();
    await journal.append("living", whole.slice(1));
    for (const run of ["removed", "living"]) await journal.remove(run);
    connection.mend();
    await follower.forgetPurged();
    expect([...follower.ended.keys()]).toEqual(["kept"]);
    const runs = await follower.finish();
    expect([...runs.ended.keys()]).toEqual(["kept"]);
    expect([...runs.living.keys()]).toEqual([]);
    expect([...runs.removed]).toEqual(["givenUp"]);
    await following;
  });

  it("hands over no more than the journal still has after a power cut", async () => {
    const journal = new WrittenJournal();
    const whole = recordsOf({ a: {} }, endRun);
    await journal.append("first", whole.slice(0, 1));
    const keptSeq = await journal.lastSeq();
    await journal.append("first", whole.slice(1, 2));
    await journal.append("second", whole.slice(0, 1));
    const follower = journal.follower();
    const following = follower.follow();
    await follower.reached(await journal.lastSeq());
    journal.losePower(keptSeq);
    const runs = await follower.finish();
    expect([...runs.living]).toEqual([["first", undefined]]);
    await following;
  });

  it("takes no run for removed that it has missed: it is left to the leader", async () => {
    const written = new WrittenJournal();
    await written.append("seen", recordsOf({ a: {} }));
    await written.append("missed", recordsOf({ a: {} }));
    await written.append("rubbish", "rubbish");
    const stores = written.open();
    const journal = changed<Journal>(stores.journal, {
      async *follow(signal) {
        for await (const item of stores.journal.follow(signal)) {
          yield item.kind === "entry" && item.entry.run !== "seen"
            ? { kind: "claim" as const, seq: item.seq, epoch: 1 }
            : item;
        }
      },
    });
    const follower = new JournalFollower({ ...stores, journal }, silentLog, () => undefined);
    const following = follower.follow();
    const runs = await follower.finish();
    expect([...runs.living.keys()].sort()).toEqual(["missed", "rubbish", "seen"]);
    expect(runs.living.get("seen")).toBeDefined();
    expect(runs.living.get("missed")).toBeUndefined();
    expect([...runs.removed]).toEqual([]);
    await following;
  });

  it("knows a run as living whose id was that of an ended one, though it has missed the removal", async () => {
    const written = new WrittenJournal();
    const whole = recordsOf({ a: {} }, endRun);
    await written.append("r1", whole);
    const stores = written.open();
    const journal = changed<Journal>(stores.journal, {
      async *follow(signal) {
        for await (const item of stores.journal.follow(signal)) {
          const isRemoval = item.kind === "entry" && Buffer.from(item.entry.payload).includes("removed");
          yield isRemoval ? { kind: "claim" as const, seq: item.seq, epoch: 1 } : item;
        }
      },
    });
    const follower = new JournalFollower({ ...stores, journal }, silentLog, () => undefined);
    const following = follower.follow();
    await follower.reached(await written.lastSeq());
    await written.remove("r1");
    await written.begin("r1", whole.slice(0, 1));
    const runs = await follower.finish();
    expect([...runs.living.keys()]).toEqual(["r1"]);
    expect([...runs.ended.keys()]).toEqual([]);
    await following;
  });

  it("says that it will not come any further when the journal can't be read any more", async () => {
    const written = new WrittenJournal();
    await written.append("r1", recordsOf({ a: {} }));
    const stores = written.open();
    let fail: (error: Error) => void = () => undefined;
    const failed = new Promise<never>((_, reject) => {
      fail = reject;
    });
    const journal = changed<Journal>(stores.journal, {
      async *follow(signal) {
        for await (const item of stores.journal.follow(signal)) {
          yield item;
          await failed;
        }
      },
    });
    const follower = new JournalFollower({ ...stores, journal }, silentLog, () => undefined);
    const following = follower.follow();
    const position = await written.lastSeq();
    expect(await follower.reached(position)).toBe(true);
    const further = follower.reached(position + 1);
    fail(new Error("the stream is gone"));
    await expect(following).rejects.toThrow("the stream is gone");
    expect(await further).toBe(false);
    expect(follower.hasEnded).toBe(true);
  });

  it("says that it will not come to where it was stopped before", async () => {
    const journal = new WrittenJournal();
    const follower = journal.follower();
    const following = follower.follow();
    const waiting = follower.reached(1);
    follower.stop();
    expect(await waiting).toBe(false);
    expect(await follower.reached(1)).toBe(false);
    await journal.claim();
    await expect(follower.finish()).rejects.toMatchObject({ code: "unavailable" });
    await following;
  });
});
