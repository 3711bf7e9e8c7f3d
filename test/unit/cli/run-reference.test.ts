import { describe, expect, it } from "vitest";
import { chooseRun } from "../../../coordinator/cli/run-reference.ts";
import type { RunView } from "../../../shared/client/index.ts";

const runs = [
  { run: "20260501-a1", submittedAt: "2026-05-01T10:00:00.000Z" },
  { run: "20260502-b2", submittedAt: "2026-05-02T10:00:00.000Z" },
  { run: "20260501-c3", submittedAt: "2026-05-01T11:00:00.000Z" },
] as RunView[];

describe("a reference to a run", () => {
  it("may be the start of its id", () => {
    expect(chooseRun("20260502", runs).run).toBe("20260502-b2");
  });

  it("may be `last`", () => {
    expect(chooseRun("last", runs).run).toBe("20260502-b2");
  });

  it("must not be the start of several", () => {
    expect(() => chooseRun("20260501", runs)).toThrow(/could be 20260501-a1, 20260501-c3/);
  });

  it("must be of a run that is there", () => {
    expect(() => chooseRun("x", runs)).toThrow(/no run "x"/);
    expect(() => chooseRun("last", [])).toThrow(/no run yet/);
  });
});
