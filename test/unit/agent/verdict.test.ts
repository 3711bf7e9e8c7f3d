import { describe, expect, it } from "vitest";
import {
  collectFailure,
  measuredOf,
  noPlace,
  outcomeOf,
  prepareFailure,
  ranOnOf,
  withMarks,
} from "../../../agent/actors/verdict.ts";
import type { Exit } from "../../../agent/runners/runner.ts";
import { MillraceError } from "../../../shared/model/error.ts";
import type { Outcome } from "../../../shared/model/outcome.ts";
import { OutputError } from "../../../shared/store/output-error.ts";

const usage = { wallMs: 1.6, cpuMs: 2, peakMemoryBytes: 3 };
const exited = (exitCode: number): Exit => ({ kind: "exited", exitCode, usage });
const unseen: Exit = { kind: "unknown", message: "gone" };

describe("what an ended attempt counts as", () => {
  it.each<[string, Exit, Outcome]>([
    ["a success with status 0", exited(0), { kind: "succeeded" }],
    ["a failure with any other", exited(3), { kind: "failed", reason: "exit", exitCode: 3 }],
    [
      "a failure when a signal has ended it",
      { kind: "signalled", signal: "SIGSEGV", usage },
      { kind: "failed", reason: "signal", signal: "SIGSEGV" },
    ],
    ["out of memory with its limit", { kind: "outOfMemory", usage }, { kind: "outOfMemory", limitBytes: 9 }],
    [
      "a failure when it could not be started",
      { kind: "notStarted", reason: "image", message: "no such image" },
      { kind: "failed", reason: "image", message: "no such image" },
    ],
    [
      "a failure when what it made can't be taken",
      { kind: "badOutput", message: "no file", usage },
      { kind: "failed", reason: "badOutput", message: "no file" },
    ],
    ["lost when nobody saw its status", unseen, { kind: "lost", message: "gone" }],
  ])("is %s", (_, exit, outcome) => {
    expect(outcomeOf(exit, undefined, 9)).toEqual(outcome);
    // Why the agent ended it comes first, whatever the command made of that.
    expect(outcomeOf(exit, { kind: "cancelled" }, 9)).toEqual({ kind: "cancelled" });
  });

  it("is out of memory without a limit where it had none", () => {
    expect(outcomeOf({ kind: "outOfMemory", usage }, undefined, undefined)).toEqual({
      kind: "outOfMemory",
      limitBytes: null,
    });
  });
});

describe("the marks in a log", () => {
  const judge = (exitCode: number, error: string | null, verdict: "both" | "marks") =>
    withMarks(outcomeOf(exited(exitCode), undefined, undefined), exited(exitCode), { error }, verdict);

  it("make a failure of a success, and say with which words and status", () => {
    const failed = (message: string) => ({ kind: "failed", reason: "badOutput", message });
    expect(judge(0, "no source", "both")).toEqual(failed("its log says: no source"));
    expect(judge(2, "", "marks")).toEqual(failed("its log says: error (exit status 2)"));
    expect(judge(0, " \n", "both")).toEqual(failed("its log says: error"));
  });

  it("make a success of a failure only where they alone decide", () => {
    expect(judge(2, null, "marks")).toEqual({ kind: "succeeded" });
    expect(judge(2, null, "both")).toMatchObject({ kind: "failed", exitCode: 2 });
    expect(judge(0, null, "both")).toEqual({ kind: "succeeded" });
  });

  it("say nothing of a command that has no status", () => {
    const lost: Outcome = { kind: "lost", message: "gone" };
    for (const error of [null, "no source"]) expect(withMarks(lost, unseen, { error }, "marks")).toBe(lost);
  });
});

describe("what keeps an attempt from its inputs, or its outputs from the store", () => {
  const full = new Error("full", { cause: Object.assign(new Error("full"), { code: "ENOSPC" }) });

  it.each([
    ["a store that can't be reached", new MillraceError("unavailable", "no answer")],
    ["a store that takes too long", new MillraceError("timeout", "no answer")],
    ["a full disk", full],
  ])("is nobody's failure when it is %s: the attempt is lost", (_, error) => {
    for (const outcome of [prepareFailure(error), collectFailure(error)]) {
      expect(outcome).toMatchObject({ kind: "lost", message: expect.stringContaining(error.message) });
    }
  });

  it("is a failure otherwise, of which it is told what it is", () => {
    for (const error of [new MillraceError("corrupt", "another digest"), new TypeError("another digest")]) {
      const told = { kind: "failed", message: expect.stringContaining("another digest") };
      expect(prepareFailure(error)).toMatchObject({ ...told, reason: "inputs" });
      expect(collectFailure(error)).toMatchObject({ ...told, reason: "badOutput" });
    }
  });

  it("is the job's failure when its workspace does not hold what it should", () => {
    expect(collectFailure(new OutputError("missingOutput", "no a.o"))).toEqual({
      kind: "failed",
      reason: "missingOutput",
      message: "no a.o",
    });
  });

  it("is a loss when the host has no place for it", () => {
    expect(noPlace(full)).toMatchObject({ kind: "lost" });
  });
});

describe("what was seen of a command", () => {
  it("is measured where it ran, and nothing where it did not", () => {
    expect(measuredOf(exited(0))).toEqual({ wallMs: 2, cpuMs: 2, peakMemoryBytes: 3 });
    const nothing = { wallMs: null, cpuMs: null, peakMemoryBytes: null };
    for (const exit of [undefined, unseen]) expect(measuredOf(exit)).toEqual(nothing);
  });

  it("tells where it ran: the host, or the image that the engine really took", () => {
    expect(ranOnOf(exited(0), null, "linux")).toEqual({ host: "linux" });
    const inImage: Exit = { kind: "exited", exitCode: 0, usage: { ...usage, image: "sha256:1" } };
    expect(ranOnOf(inImage, "gcc:14", "linux")).toEqual({ image: "sha256:1" });
    expect(ranOnOf(exited(0), "gcc:14", "linux")).toBeUndefined();
    for (const exit of [undefined, unseen]) expect(ranOnOf(exit, null, "linux")).toBeUndefined();
  });
});
