import { describe, expect, it } from "vitest";
import { exitCodeOfError, exitCodeOfOutcome, exitCodeOfRun } from "../../../coordinator/cli/exit-code.ts";

describe("exit statuses", () => {
  it("follow how the run ended", () => {
    expect(exitCodeOfRun("succeeded")).toBe(0);
    expect(exitCodeOfRun("failed")).toBe(1);
    expect(exitCodeOfRun("infrastructure")).toBe(3);
    expect(exitCodeOfRun("cancelled")).toBe(130);
  });

  it("tell a mistake of the asker from a failure of the cluster", () => {
    expect(exitCodeOfError("badInput")).toBe(2);
    expect(exitCodeOfError("notFound")).toBe(2);
    expect(exitCodeOfError("unavailable")).toBe(3);
    expect(exitCodeOfError("timeout")).toBe(3);
  });

  it("give a job's own end as a shell does", () => {
    expect(exitCodeOfOutcome({ kind: "failed", reason: "exit", exitCode: 42 })).toBe(42);
    expect(exitCodeOfOutcome({ kind: "failed", reason: "signal", signal: "SIGSEGV" })).toBe(139);
    expect(exitCodeOfOutcome({ kind: "failed", reason: "missingOutput", message: "no match" })).toBe(1);
    expect(exitCodeOfOutcome({ kind: "timeout", limit: "run", limitMs: 1 })).toBe(124);
    expect(exitCodeOfOutcome({ kind: "succeeded" })).toBe(0);
  });
});
