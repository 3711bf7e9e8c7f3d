import { describe, expect, it } from "vitest";
import { newRunId } from "../../../shared/client/run-id.ts";
import { identifierPattern } from "../../../shared/model/name.ts";

describe("a new run id", () => {
  it("says when, in UTC, and ends in chance", () => {
    expect(newRunId(new Date("2026-08-01T14:15:02.999Z"), () => 0)).toBe("20260801-141502-aaaaaa");
    expect(newRunId(new Date("2026-08-01T14:15:02.999Z"), (below) => below - 1)).toBe(
      "20260801-141502-999999",
    );
  });

  it("may be part of a subject", () => {
    expect(newRunId()).toMatch(identifierPattern);
  });

  it("differs from others of the same moment", () => {
    const now = new Date();
    expect(new Set(Array.from({ length: 200 }, () => newRunId(now))).size).toBe(200);
  });
});
