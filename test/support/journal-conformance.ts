/**
 * What every journal and event log promises, whatever is beneath: run over the model and over real servers. A place
 * is one set of streams; each `open` is another process's view of it.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Append, Entry, EventLog, Journal } from "../../coordinator/journal/journal.ts";
import { waitUntil } from "./wait-until.ts";

export interface JournalView {
  readonly journal: Journal;
  readonly eventLog: EventLog;
  /** The next append is stored and its acknowledgement lost. */
  loseAcknowledgement(): void;
}

export interface JournalPlace {
  open(): Promise<JournalView>;
  /** The window in which the server knows message ids passes. */
  forgetMessageIds(): Promise<void>;
  /** Everyone is cut off, and can connect again to what is stored. */
  restart(): Promise<void>;
  /** The journal takes nothing more, until `makeRoom`. */
  fill(): Promise<void>;
  makeRoom(): Promise<void>;
  /** Removes all entries of a run. */
  purge(run: string): Promise<void>;
  /** What is on the run's event subject: one list per message. */
  storedEvents(run: string): Promise<object[][]>;
  close(): Promise<void>;
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = ({ payload }: Entry): string => new TextDecoder().decode(payload);

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

/** Declares the tests for one kind of place. */
export function describeJournal(kind: string, make: () => Promise<JournalPlace>): void {
  describe(`a journal over ${kind}`, () => {
    let place: JournalPlace;
    let first: JournalView;
    let second: JournalView;
    let runs = 0;
    let batches = 0;

    beforeAll(async () => {
      place = await make();
      first = await place.open();
      second = await place.open();
    });
    afterAll(() => place.close());

    const newRun = (): string => `run-${++runs}`;
    const change = (run: string, expectedSeq: number, epoch = 1): Append => {
      const batch = `batch-${++batches}`;
      return { run, epoch, batch, expectedSeq, payload: bytes(batch) };
    };
    async function claimed(journal: Journal): Promise<number> {
      const claim = await journal.claimEpoch("node", await journal.lastEpoch());
      expect(claim).toMatchObject({ kind: "won" });
      return claim.epoch;
    }
    async function stored(journal: Journal, append: Append): Promise<number> {
      const result = await journal.append(append);
      expect(result).toMatchObject({ kind: "stored" });
      return result.seq;
    }

    it("stores appends that expect the run's last entry, and reads them in order", async () => {
      const run = newRun();
      const appends = [change(run, 0, 1)];
      let seq = await stored(first.journal, appends[0] as Append);
      for (let count = 0; count < 4; count++) {
        const next = change(run, seq, count + 1);
        appends.push(next);
        seq = await stored(first.journal, next);
      }
      const entries = await collect(second.journal.read(run));
      expect(entries.map(text)).toEqual(appends.map(({ batch }) => batch));
      expect(entries.map(({ epoch }) => epoch)).toEqual([1, 1, 2, 3, 4]);
      expect(entries.at(-1)).toMatchObject({ run, seq });
    });

    it("reads on behind an entry", async () => {
      const run = newRun();
      const seqs = [await stored(first.journal, change(run, 0))];
      await stored(first.journal, change(newRun(), 0));
      for (let count = 0; count < 3; count++)
        seqs.push(await stored(first.journal, change(run, seqs.at(-1) ?? 0)));
      for (const [index, seq] of seqs.entries()) {
        const behind = await collect(second.journal.read(run, seq));
        expect(behind.map((entry) => entry.seq)).toEqual(seqs.slice(index + 1));
      }
    });

    it("reads nothing of a run that is not there", async () => {
      expect(await collect(first.journal.read(newRun()))).toEqual([]);
    });

    it("refuses an append that expects another entry, and names the last one", async () => {
      const run = newRun();
      const seq = await stored(first.journal, change(run, 0, 3));
      expect(await second.journal.append(change(run, 0, 4))).toEqual({ kind: "conflict", seq, epoch: 3 });
      expect(await second.journal.append(change(run, seq + 100, 4))).toEqual({
        kind: "conflict",
        seq,
        epoch: 3,
      });
      expect(await collect(first.journal.read(run))).toHaveLength(1);
    });

    it("says so when the expected run has no entries at all", async () => {
      expect(await first.journal.append(change(newRun(), 7))).toEqual({ kind: "conflict", seq: 0, epoch: 0 });
    });

    it("stores a batch once, however often it is appended", async () => {
      const run = newRun();
      const append = change(run, 0);
      const seq = await stored(first.journal, append);
      expect(await first.journal.append(append)).toEqual({ kind: "stored", seq });
      expect(await second.journal.append(append)).toEqual({ kind: "stored", seq });
      expect(await collect(first.journal.read(run))).toHaveLength(1);
    });

    it("knows its own batch after the server has forgotten its message id", async () => {
      const run = newRun();
      const append = change(run, 0);
      const seq = await stored(first.journal, append);
      await place.forgetMessageIds();
      expect(await first.journal.append(append)).toEqual({ kind: "stored", seq });
      expect(await collect(first.journal.read(run))).toHaveLength(1);
    });

    it("repeats an append whose acknowledgement was lost, and stores it once", async () => {
      const run = newRun();
      const seq = await stored(first.journal, change(run, 0));
      first.loseAcknowledgement();
      const next = await stored(first.journal, change(run, seq));
      const entries = await collect(second.journal.read(run));
      expect(entries.map((entry) => entry.seq)).toEqual([seq, next]);
    });

    it("refuses what a deposed leader had queued, once the new leader has appended its claim", async () => {
      const run = newRun();
      const oldEpoch = await claimed(first.journal);
      const seq = await stored(first.journal, change(run, 0, oldEpoch));
      const newEpoch = await claimed(second.journal);
      const claim = await stored(second.journal, change(run, seq, newEpoch));
      for (const queued of [change(run, seq, oldEpoch), change(run, seq, oldEpoch)]) {
        const refusal = await first.journal.append(queued);
        expect(refusal).toEqual({ kind: "conflict", seq: claim, epoch: newEpoch });
      }
      expect((await collect(first.journal.read(run))).map(({ epoch }) => epoch)).toEqual([
        oldEpoch,
        newEpoch,
      ]);
    });

    it("waits while there is no room, and answers what needs none", async () => {
      const run = newRun();
      const append = change(run, 0);
      const seq = await stored(first.journal, append);
      await place.fill();
      let isOver = false;
      const waiting = first.journal.append(change(run, seq)).finally(() => {
        isOver = true;
      });
      expect(await second.journal.append(append)).toEqual({ kind: "stored", seq });
      expect(await second.journal.append(change(run, seq + 100))).toMatchObject({ kind: "conflict", seq });
      expect(isOver).toBe(false);
      await place.makeRoom();
      expect(await waiting).toMatchObject({ kind: "stored" });
      expect(await collect(first.journal.read(run))).toHaveLength(2);
    });

    it("begins a run that was purged anew, behind all that was ever stored", async () => {
      const run = newRun();
      const seq = await stored(first.journal, change(run, 0));
      expect(await second.journal.has(run)).toBe(true);
      await place.purge(run);
      expect(await second.journal.has(run)).toBe(false);
      expect(await collect(second.journal.read(run))).toEqual([]);
      expect(await second.journal.append(change(run, seq))).toMatchObject({ kind: "conflict", seq: 0 });
      expect(await stored(second.journal, change(run, 0))).toBeGreaterThan(seq);
    });

    it("gives an epoch to one claimant, and tells the others which was taken", async () => {
      const before = await claimed(first.journal);
      const views = [first, second, first, second, first, second];
      const claims = await Promise.all(
        views.map(({ journal }, index) => journal.claimEpoch(`node-${index}`, before)),
      );
      const epoch = before + 1;
      expect(claims.filter(({ kind }) => kind === "won")).toEqual([{ kind: "won", epoch }]);
      expect(claims.filter(({ kind }) => kind === "lost")).toEqual(
        Array.from({ length: views.length - 1 }, () => ({ kind: "lost", epoch })),
      );
      expect(await second.journal.lastEpoch()).toBe(epoch);
    });

    it("refuses a claim that does not know of the last one, however far above its own it is to be", async () => {
      const before = await claimed(first.journal);
      const epoch = await claimed(second.journal);
      expect(await first.journal.claimEpoch("late", before)).toEqual({ kind: "lost", epoch });
      expect(await first.journal.claimEpoch("late", before - 1)).toEqual({ kind: "lost", epoch });
      expect(await first.journal.claimEpoch("late", before, epoch + 10)).toEqual({ kind: "lost", epoch });
      expect(await second.journal.lastEpoch()).toBe(epoch);
    });

    it("wins a claim whose acknowledgement was lost", async () => {
      const before = await first.journal.lastEpoch();
      first.loseAcknowledgement();
      expect(await first.journal.claimEpoch("a", before)).toEqual({ kind: "won", epoch: before + 1 });
    });

    it("is followed from the last entry of each run: every later one, in order, and the claims", async () => {
      const [known, fresh] = [newRun(), newRun()];
      const seqs = [await stored(first.journal, change(known, 0))];
      seqs.push(await stored(first.journal, change(known, seqs[0] as number)));
      const end = new AbortController();
      const seen: { seq: number; what: string }[] = [];
      const following = (async () => {
        for await (const item of second.journal.follow(end.signal)) {
          seen.push({ seq: item.seq, what: item.kind === "claim" ? "claim" : item.entry.run });
        }
      })();
      const isFollowed = (seq: number) =>
        waitUntil(`entry ${seq} is followed`, () => seen.at(-1)?.seq === seq, { diagnose: () => seen });
      await isFollowed(seqs[1] as number);
      expect(seen.filter(({ what }) => what === known)).toEqual([{ seq: seqs[1], what: known }]);
      await claimed(first.journal);
      let last = await first.journal.lastSeq();
      await isFollowed(last);
      expect(seen.at(-1)).toEqual({ seq: last, what: "claim" });
      const before = seen.length;
      const restarted = place.restart();
      last = await stored(first.journal, change(fresh, 0));
      for (let count = 0; count < 20; count++) last = await stored(first.journal, change(fresh, last));
      await restarted;
      await isFollowed(last);
      expect(await second.journal.lastSeq()).toBe(last);
      expect(seen.slice(before).map(({ what }) => what)).toEqual(Array.from({ length: 21 }, () => fresh));
      end.abort();
      await following;
    });

    it("lists the last entry of each run, and none of the claims", async () => {
      const longer = newRun();
      const shorter = newRun();
      let seq = 0;
      for (let count = 0; count < 5; count++) seq = await stored(first.journal, change(longer, seq));
      const only = await stored(first.journal, change(shorter, 0));
      const last = new Map((await second.journal.lastOfEachRun()).map((entry) => [entry.run, entry.seq]));
      expect(last.get(longer)).toBe(seq);
      expect(last.get(shorter)).toBe(only);
      expect([...last.keys()].every((run) => run.startsWith("run-"))).toBe(true);
    });

    it("loses nothing and repeats nothing across a restart of the server in the middle", async () => {
      const run = newRun();
      let seq = 0;
      for (let count = 0; count < 200; count++) {
        const restarted = count === 100 ? place.restart() : undefined;
        seq = await stored(first.journal, change(run, seq));
        await restarted;
      }
      const entries = await collect(second.journal.read(run));
      expect(entries).toHaveLength(200);
      expect(new Set(entries.map(text)).size).toBe(200);
      expect(entries.at(-1)?.seq).toBe(seq);
    });

    describe("its event log", () => {
      const events = (from: number, to: number): object[] =>
        Array.from({ length: to - from + 1 }, (_, index) => ({ seq: from + index, type: "job.ready" }));
      const numbers = async (run: string): Promise<number[]> =>
        (await place.storedEvents(run)).flat().map((event) => (event as { seq: number }).seq);

      it("stores one message per call, and knows the last number", async () => {
        const run = newRun();
        expect(await first.eventLog.lastSeq(run)).toBe(0);
        await first.eventLog.store(run, 1, events(1, 3));
        await first.eventLog.store(run, 4, events(4, 4));
        expect(await second.eventLog.lastSeq(run)).toBe(4);
        expect(await place.storedEvents(run)).toEqual([events(1, 3), events(4, 4)]);
      });

      it("keeps the order of stores that were not waited for", async () => {
        const run = newRun();
        await Promise.all([1, 2, 3, 4, 5].map((seq) => first.eventLog.store(run, seq, events(seq, seq))));
        expect(await numbers(run)).toEqual([1, 2, 3, 4, 5]);
      });

      it("drops what is stored already and adds only the rest, whoever stored it", async () => {
        const run = newRun();
        await first.eventLog.store(run, 1, events(1, 3));
        await second.eventLog.store(run, 2, events(2, 5));
        await first.eventLog.store(run, 4, events(4, 5));
        await first.eventLog.store(run, 6, events(6, 6));
        expect(await numbers(run)).toEqual([1, 2, 3, 4, 5, 6]);
      });

      it("goes on after what another leader has stored meanwhile", async () => {
        const run = newRun();
        await first.eventLog.store(run, 1, events(1, 2));
        await second.eventLog.store(run, 3, events(3, 4));
        await first.eventLog.store(run, 5, events(5, 6));
        expect(await numbers(run)).toEqual([1, 2, 3, 4, 5, 6]);
      });

      it("stores once though the acknowledgement was lost", async () => {
        const run = newRun();
        await first.eventLog.store(run, 1, events(1, 2));
        first.loseAcknowledgement();
        await first.eventLog.store(run, 3, events(3, 4));
        expect(await numbers(run)).toEqual([1, 2, 3, 4]);
      });

      it("refuses to leave a gap", async () => {
        const run = newRun();
        await first.eventLog.store(run, 1, events(1, 2));
        await expect(first.eventLog.store(run, 5, events(5, 5))).rejects.toMatchObject({ code: "corrupt" });
        expect(await numbers(run)).toEqual([1, 2]);
      });

      it("divides a commit that is too large for a message", async () => {
        const run = newRun();
        const many = Array.from({ length: 2_000 }, (_, index) => ({ seq: index + 1, text: "x".repeat(600) }));
        await first.eventLog.store(run, 1, many);
        const messages = await place.storedEvents(run);
        expect(messages.length).toBeGreaterThan(3);
        expect(messages.flat()).toEqual(many);
      });

      it("lets two leaders store the fleet's events", async () => {
        await first.eventLog.storeFleet([{ type: "agent.joined", seq: 1 }]);
        await second.eventLog.storeFleet([{ type: "agent.joined", seq: 1 }]);
        await first.eventLog.storeFleet([{ type: "agent.left", seq: 2 }]);
      });
    });
  });
}
