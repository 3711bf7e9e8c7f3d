import { describe, expect, it } from "vitest";
import { judgeStorage, type StorageState } from "../../../coordinator/core/storage-state.ts";
import { limitsOf, roomTroubles, settingsTroubles } from "../../../coordinator/core/storage-troubles.ts";
import type { StorageUsage } from "../../../shared/model/storage-usage.ts";

const roomy: StorageState = { level: "roomy", since: 0, reason: null };

function judged(before: StorageState, usedBytes: number, now: number, maxBytes = 1000): StorageState {
  const limits = [{ of: "the account", usedBytes, maxBytes }];
  return judgeStorage(before, { limits, refusals: new Map() }, now);
}

const stream = {
  stream: "journal",
  messages: 1,
  bytes: 5,
  maxBytes: null,
  maxAgeMs: null,
  replicas: 1,
  storage: "file",
  refusesWhenFull: true,
} as const;

function storageOf(settings: Partial<StorageUsage["streams"][number]>, isClustered = false): StorageUsage {
  return { streams: [{ ...stream, ...settings }], accounts: [{ bytes: 7, maxBytes: null }], isClustered };
}

describe("the state of storage", () => {
  it("is tight when less than a tenth is free, and roomy again when a fifth more than that is", () => {
    expect(judged(roomy, 900, 5)).toEqual(roomy);
    const tight = judged(roomy, 901, 5);
    expect(tight).toMatchObject({ level: "tight", since: 5, reason: expect.stringContaining("the account") });
    expect(judged(tight, 881, 6)).toMatchObject({ level: "tight", since: 5 });
    expect(judged(tight, 880, 7)).toEqual({ level: "roomy", since: 7, reason: null });
  });

  it("reserves no more than 10 GiB of a large one", () => {
    const maxBytes = 10 ** 15;
    expect(judged(roomy, maxBytes - 11 * 2 ** 30, 1, maxBytes).level).toBe("roomy");
    expect(judged(roomy, maxBytes - 9 * 2 ** 30, 1, maxBytes).level).toBe("tight");
  });

  it("is full while a stream refuses, whatever the limits say", () => {
    const refusals = new Map([["journal", "insufficient resources"]]);
    const full = judgeStorage(roomy, { limits: [], refusals }, 3);
    expect(full).toMatchObject({ level: "full", since: 3 });
    expect(full.reason).toContain("insufficient resources");
    expect(judgeStorage(full, { limits: [], refusals }, 4).since).toBe(3);
    expect(judgeStorage(full, { limits: [], refusals: new Map() }, 5)).toMatchObject({
      level: "roomy",
      since: 5,
    });
  });

  it("is a trouble with something to do unless it is roomy", () => {
    expect(roomTroubles(roomy)).toEqual([]);
    for (const level of ["tight", "full"] as const) {
      const [trouble] = roomTroubles({ level, since: 9, reason: "why" });
      expect(trouble).toMatchObject({ code: `storage.${level}`, since: 9, fix: expect.any(String) });
      expect(trouble?.message).toContain("why");
    }
  });
});

describe("the limits of storage", () => {
  it("are those at which something is refused", () => {
    expect(limitsOf(storageOf({}), null)).toEqual([]);
    expect(limitsOf(storageOf({ maxBytes: 10 }), null)).toMatchObject([{ usedBytes: 5, maxBytes: 10 }]);
    expect(limitsOf(storageOf({ maxBytes: 10, refusesWhenFull: false }), null)).toEqual([]);
    expect(limitsOf(storageOf({}), 100)).toEqual([{ of: "JetStream", usedBytes: 7, maxBytes: 100 }]);
    const limited = { ...storageOf({}), accounts: [{ bytes: 3, maxBytes: 30 }] };
    expect(limitsOf(limited, null)).toEqual([{ of: "the account", usedBytes: 3, maxBytes: 30 }]);
  });
});

describe("settings of streams", () => {
  const codes = (settings: Parameters<typeof storageOf>[0], isClustered = false, kept = ["journal"]) =>
    settingsTroubles(storageOf(settings, isClustered), kept, 1).map(({ code }) => code);

  it("are troubles where something could be lost that must not be", () => {
    expect(codes({})).toEqual([]);
    expect(codes({ storage: "memory" })).toEqual(["settings.memory"]);
    expect(codes({ maxAgeMs: 1 })).toEqual(["settings.age"]);
    expect(codes({ refusesWhenFull: false })).toEqual(["settings.discard"]);
    expect(codes({ replicas: 2 })).toEqual(["settings.replicas"]);
    expect(codes({ replicas: 1 }, true)).toEqual(["settings.replicas"]);
    expect(codes({ replicas: 3 }, true)).toEqual([]);
  });

  it("are the operator's own for streams that may lose what is old", () => {
    expect(codes({ storage: "memory", maxAgeMs: 1 }, true, [])).toEqual([]);
  });
});
