import { describe, expect, it } from "vitest";
import { collectionLines } from "../../../coordinator/cli/commands/gc.ts";
import { clusterLines } from "../../../coordinator/cli/summary/cluster-lines.ts";
import { api } from "../../../shared/model/api.ts";

const now = Date.parse("2026-05-01T12:00:00Z");
const since = "2026-05-01T11:58:00Z";
const old = { namespace: "default", version: "0.1.0", epoch: 3, runs: 2, agents: 1, counters: [] };

describe("the cluster as lines", () => {
  it("shows what a coordinator of an earlier version tells", () => {
    const status = api.status.result.parse(old);
    expect(clusterLines(status, now)).toEqual([
      "namespace default, coordinator 0.1.0, epoch 3",
      "runs living 2, agents 1",
    ]);
  });

  it("shows who leads and follows, what storage holds, and what is wrong since when", () => {
    const status = api.status.result.parse({
      ...old,
      node: "c1",
      standbys: [{ node: "c2", lagEntries: 4 }],
      queued: 7,
      counters: [
        ["refused.oldLease", 2],
        ["refused.none", 0],
      ],
      storage: {
        level: "tight",
        since,
        streams: [
          { stream: "millrace-default-journal", messages: 1, bytes: 1024, maxBytes: 2048, replicas: 1 },
          { stream: "OBJ_millrace-default-objects", messages: 1, bytes: 10, maxBytes: null, replicas: 1 },
        ],
        accounts: [{ bytes: 1034, maxBytes: 4096 }],
      },
      troubles: [{ code: "storage.tight", message: "storage is almost full", fix: "Make room.", since }],
    });
    expect(clusterLines(status, now)).toEqual([
      "namespace default, coordinator 0.1.0 (c1), epoch 3",
      "standby c2, 4 entries behind",
      "runs living 2, jobs queued 7, agents 1",
      "storage is tight since 2m 00s ago: journal 1 KiB of 2 KiB, objects 10 B, account 1 KiB of 4 KiB",
      "! since 2m 00s ago: storage is almost full",
      "  Make room.",
      "counted: refused.oldLease 2",
    ]);
  });
});

describe("a collection as lines", () => {
  it("says what went, or would go, of how much", () => {
    const collection = {
      collection: "c",
      phase: "done",
      keptRuns: 8,
      markedRuns: 8,
      objects: 3,
      seenObjects: 30,
      chunks: 4,
      bytes: 2048,
      reason: null,
    } as const;
    expect(collectionLines({ ...collection, dryRun: true, runs: 2, runList: ["r1", "r2"] })).toEqual([
      "would remove 2 runs of 10: r1, r2",
      "would remove 3 objects of 30, 2 KiB",
    ]);
    expect(collectionLines({ ...collection, dryRun: false, runs: 0, runList: [] })[0]).toBe(
      "removed 0 runs of 8",
    );
  });
});
