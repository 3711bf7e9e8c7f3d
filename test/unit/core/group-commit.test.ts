import { describe, expect, it } from "vitest";
import { GroupCommit } from "../../../coordinator/core/group-commit.ts";
import type { RunRecord } from "../../../coordinator/core/record.ts";

const record = (at: number): RunRecord => ({ type: "claimed", at, shiftMs: 0 });
const times = (records: readonly RunRecord[] | undefined): number[] => records?.map(({ at }) => at) ?? [];

describe("a cut in a group commit", () => {
  it("ends the entry of the records before it, and tells its sequence once stored", () => {
    const commit = new GroupCommit<string>({ seq: 5, maxRecords: 100 });
    const told: number[] = [];
    commit.stage(record(1), []);
    commit.stage(record(2), ["two"]);
    commit.cut((seq) => told.push(seq));
    commit.stage(record(3), []);
    expect(times(commit.take()?.records)).toEqual([1, 2]);
    expect(told).toEqual([]);
    expect(commit.onStored(6)).toEqual(["two"]);
    expect(told).toEqual([6]);
    expect(times(commit.take()?.records)).toEqual([3]);
    commit.onStored(7);
    expect(told).toEqual([6]);
  });

  it("behind an append in flight is at its end", () => {
    const commit = new GroupCommit<string>({ seq: 0, maxRecords: 100 });
    const told: number[] = [];
    commit.stage(record(1), []);
    commit.take();
    commit.cut((seq) => told.push(seq));
    commit.stage(record(2), []);
    commit.onStored(9);
    expect(told).toEqual([9]);
  });

  it("of a commit with nothing to store is at the last entry", () => {
    const commit = new GroupCommit<string>({ seq: 4, maxRecords: 100 });
    const told: number[] = [];
    commit.cut((seq) => told.push(seq));
    commit.stage(null, ["free"]);
    commit.cut((seq) => told.push(seq));
    expect(told).toEqual([4]);
    expect(commit.takeFree()).toEqual(["free"]);
    expect(told).toEqual([4, 4]);
  });

  it("holds though the entry is divided because it is too large", () => {
    const commit = new GroupCommit<string>({ seq: 0, maxRecords: 100 });
    const told: number[] = [];
    for (const at of [1, 2, 3]) commit.stage(record(at), []);
    commit.cut((seq) => told.push(seq));
    commit.stage(record(4), []);
    commit.take();
    expect(times(commit.halve()?.records)).toEqual([1, 2]);
    commit.onStored(1);
    expect(told).toEqual([]);
    expect(times(commit.take()?.records)).toEqual([3]);
    commit.onStored(2);
    expect(told).toEqual([2]);
  });
});
