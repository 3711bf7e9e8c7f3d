import { describe, expect, it } from "vitest";
import { GroupCommit } from "../../../coordinator/core/group-commit.ts";
import { OrderChannel } from "../../../coordinator/core/order-channel.ts";
import type { RunRecord } from "../../../coordinator/core/record.ts";

const settle = (job: number) => ({ kind: "settle", run: "r", job, attempt: 1, lease: "l" }) as const;

describe("an order channel", () => {
  it("numbers batches without gap and sends the unconfirmed ones again, unchanged", () => {
    const channel = new OrderChannel({ incarnation: "i", resendAfterMs: 1000 });
    channel.enqueue(settle(1));
    channel.enqueue(settle(2));
    const [first] = channel.takeNew(0, 100_000);
    expect(first).toMatchObject({ number: 1, orders: [settle(1), settle(2)] });
    channel.enqueue(settle(3));
    expect(channel.takeNew(500, 100_000)).toMatchObject([{ number: 2 }]);
    expect(channel.takeOverdue(999, 10)).toEqual([]);
    expect(channel.takeOverdue(1000, 10)).toMatchObject([{ number: 1, orders: [settle(1), settle(2)] }]);
    expect(channel.takeOverdue(1500, 10)).toMatchObject([{ number: 2 }]);
    channel.onConfirmed(2);
    expect(channel.takeOverdue(9000, 10)).toEqual([]);
    expect(channel.pending).toBe(0);
  });

  it("cuts batches by size and never drops an order that alone is larger", () => {
    const channel = new OrderChannel({ incarnation: "i", resendAfterMs: 1000 });
    for (let job = 0; job < 5; job++) channel.enqueue(settle(job));
    expect(channel.takeNew(0, 700).map((batch) => batch.orders.length)).toEqual([2, 2, 1]);
    channel.enqueue(settle(9));
    expect(channel.takeNew(0, 1).map((batch) => batch.number)).toEqual([4]);
  });

  it("counts what people say when they cancel", () => {
    const channel = new OrderChannel({ incarnation: "i", resendAfterMs: 1000 });
    const reason = "ü".repeat(500);
    for (let job = 0; job < 4; job++) channel.enqueue({ ...settle(job), kind: "cancel", reason });
    expect(channel.takeNew(0, 4_000).map((batch) => batch.orders.length)).toEqual([2, 2]);
  });

  it("greets again with what waits to be confirmed, so that repeated greetings gather nothing", () => {
    const channel = new OrderChannel({ incarnation: "i", resendAfterMs: 1000, lastSeen: 4 });
    expect(channel.greet(0)).toMatchObject({ number: 5, orders: [] });
    expect(channel.greet(1)).toMatchObject({ number: 5, orders: [] });
    channel.onConfirmed(5);
    expect(channel.greet(2)).toMatchObject({ number: 6 });
    expect(channel.pending).toBe(1);
  });

  it("keeps its numbers when it is closed, and sends what was unconfirmed without its orders", () => {
    const channel = new OrderChannel({ incarnation: "i", resendAfterMs: 1000 });
    channel.enqueue(settle(1));
    channel.takeNew(0, 100_000);
    channel.enqueue(settle(2));
    channel.close();
    channel.open();
    expect(channel.takeNew(1, 100_000)).toEqual([]);
    expect(channel.greet(2)).toMatchObject({ number: 1, orders: [] });
    channel.enqueue(settle(3));
    expect(channel.takeNew(3, 100_000)).toMatchObject([{ number: 2, orders: [settle(3)] }]);
  });
});

describe("a group commit", () => {
  const record = (job: number): RunRecord => ({ type: "started", at: 1, job, attempt: 1 });

  it("has one append in flight and takes what came meanwhile into the next", () => {
    const commit = new GroupCommit<string>({ seq: 7, maxRecords: 100 });
    commit.stage(record(1), ["one"]);
    expect(commit.take()).toEqual({ expectedSeq: 7, records: [record(1)] });
    commit.stage(record(2), ["two"]);
    commit.stage(record(3), ["three"]);
    expect(commit.take()).toBeUndefined();
    expect(commit.onStored(9)).toEqual(["one"]);
    expect(commit.take()).toEqual({ expectedSeq: 9, records: [record(2), record(3)] });
    expect(commit.onStored(12)).toEqual(["two", "three"]);
    expect(commit.isIdle).toBe(true);
  });

  it("gives the first half of a batch that is too large, and keeps the rest in order", () => {
    const commit = new GroupCommit<string>({ seq: 0, maxRecords: 100 });
    for (const job of [1, 2, 3]) commit.stage(record(job), [`${job}`]);
    commit.take();
    expect(commit.halve()).toEqual({ expectedSeq: 0, records: [record(1), record(2)] });
    expect(commit.halve()).toEqual({ expectedSeq: 0, records: [record(1)] });
    expect(commit.halve()).toBeUndefined();
    expect(commit.onStored(1)).toEqual(["1"]);
    expect(commit.take()).toEqual({ expectedSeq: 1, records: [record(2), record(3)] });
  });

  it("releases nothing before the records staged ahead of it", () => {
    const commit = new GroupCommit<string>({ seq: 0, maxRecords: 100 });
    commit.stage(null, ["free"]);
    commit.stage(record(1), ["one"]);
    commit.stage(null, ["after one"]);
    expect(commit.takeFree()).toEqual(["free"]);
    expect(commit.takeFree()).toEqual([]);
    commit.take();
    expect(commit.takeFree()).toEqual([]);
    expect(commit.onStored(1)).toEqual(["one", "after one"]);
  });
});
