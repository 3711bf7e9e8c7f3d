import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  endMarks,
  type MarkedLog,
  markIn,
  readMarks,
  skipMarks,
  unreadLog,
} from "../../../agent/core/log-marks.ts";

const markOf = (line: string) => markIn(Buffer.from(line));

describe("a mark", () => {
  it.each([
    ["#BUTIDO:PROGRESS:1", { kind: "progress", percent: 1 }],
    ["#BUTIDO:PROGRESS:100", { kind: "progress", percent: 100 }],
    ["#BUTIDO:PROGRESS:12 of 50", { kind: "progress", percent: 12 }],
    ["#BUTIDO:PROGRESS:999999999999999999999999", { kind: "progress", percent: 100 }],
    ["#BUTIDO:PHASE:build", { kind: "phase", phase: "build" }],
    ["#BUTIDO:PHASE:build\r", { kind: "phase", phase: "build" }],
    ["#BUTIDO:PHASE:", { kind: "phase", phase: "" }],
    ["#BUTIDO:STATE:OK", { kind: "ok" }],
    ["#BUTIDO:STATE:ERR:no compiler", { kind: "error", message: "no compiler" }],
    ['#BUTIDO:STATE:ERR:"no compiler" at all', { kind: "error", message: "no compiler" }],
    ['#BUTIDO:STATE:ERR:no "compiler" here', { kind: "error", message: 'no "compiler" here' }],
    ['#BUTIDO:STATE:ERR:"no compiler', { kind: "error", message: "no compiler" }],
    ['#BUTIDO:STATE:ERR:""', { kind: "error", message: "" }],
    [String.raw`#BUTIDO:STATE:ERR:"no \"compiler\"" here`, { kind: "error", message: 'no "compiler"' }],
    [String.raw`#BUTIDO:STATE:ERR:a\tb\\c\/\"d\"\n`, { kind: "error", message: 'a\tb\\c/"d"\n' }],
    [String.raw`#BUTIDO:STATE:ERR:C:\x`, { kind: "error", message: String.raw`C:\x` }],
    ["#BUTIDO:STATE:ERR:broken\\", { kind: "error", message: "broken\\" }],
  ])("is in %j", (line, mark) => expect(markOf(line)).toEqual(mark));

  it.each([
    "#BUTIDO:PROGRESS:-1",
    "#BUTIDO:PROGRESS:",
    "#BUTIDO:PROGRESS",
    "#BUTIDO:STATE:ERR",
    "#BUTIDO:",
    "#butido:STATE:OK",
    " #BUTIDO:STATE:OK",
    "echo #BUTIDO:STATE:OK",
    "",
  ])("is not in %j", (line) => expect(markOf(line)).toBeUndefined());

  it("may hold bytes that are no UTF-8", () => {
    const line = Buffer.from([...Buffer.from("#BUTIDO:PHASE:caf"), 0xe9]);
    expect(markIn(line)).toEqual({ kind: "phase", phase: "caf\ufffd" });
  });
});

/** What the marks say of a log that comes in these pieces. */
function readIn(pieces: readonly Uint8Array[]): MarkedLog {
  const log = unreadLog();
  for (const piece of pieces) readMarks(log, piece);
  endMarks(log);
  return log;
}

describe("the marks of a log", () => {
  it("say what came last of phase and progress, the first error, and whether it says OK", () => {
    const lines = [
      "#BUTIDO:PROGRESS:0",
      "some line",
      "#BUTIDO:PHASE:build",
      "#BUTIDO:STATE:ERR:first",
      "#BUTIDO:STATE:ERR:second",
      "#BUTIDO:PROGRESS:70",
      "#BUTIDO:STATE:OK",
    ];
    expect(readIn([Buffer.from(lines.join("\n"))])).toMatchObject({
      phase: "build",
      percent: 70,
      saysOk: true,
      error: "first",
    });
  });

  it("are the same however the log is divided, whatever else is in it", () => {
    const line = fc.oneof(
      fc.constantFrom(
        "#BUTIDO:PHASE:a",
        "#BUTIDO:PHASE:b\r",
        "#BUTIDO:PROGRESS:3",
        "#BUTIDO:STATE:OK",
        "#BUTIDO:STATE:ERR:x",
        "#BUTIDO:",
        "#BUT",
        "#BUTIDO:#BUTIDO:STATE:OK",
        "x#BUTIDO:STATE:ERR:no",
        "",
        "#",
      ),
      fc.uint8Array({ maxLength: 30 }).map((bytes) => Buffer.from(bytes).toString("latin1")),
    );
    fc.assert(
      fc.property(
        fc.array(line, { maxLength: 12 }),
        fc.array(fc.nat(40), { maxLength: 40 }),
        (lines, sizes) => {
          const whole = Buffer.from(lines.join("\n"), "latin1");
          const pieces: Buffer[] = [];
          let at = 0;
          for (const size of sizes) {
            pieces.push(whole.subarray(at, at + size));
            at += size;
          }
          pieces.push(whole.subarray(at));
          const expected = unreadLog();
          for (const text of whole.toString("latin1").split("\n")) {
            const mark = markIn(Buffer.from(text, "latin1"));
            if (mark?.kind === "phase") expected.phase = mark.phase;
            if (mark?.kind === "progress") expected.percent = mark.percent;
            if (mark?.kind === "error") expected.error ??= mark.message;
            if (mark?.kind === "ok") expected.saysOk = true;
          }
          expect(readIn(pieces)).toEqual({ ...expected, readBytes: whole.length });
        },
      ),
      { numRuns: 500 },
    );
  });

  it("hold little of a line that has no end", () => {
    const log = unreadLog();
    readMarks(log, Buffer.from("#BUTIDO:STATE:ERR:"));
    for (let piece = 0; piece < 100; piece++) readMarks(log, Buffer.alloc(100_000, "y"));
    expect(log.line?.length).toBeLessThan(20_000);
    readMarks(log, Buffer.from("\n"));
    expect(log.error).toBe("y".repeat(1000));
  });

  it("do not join what lies before and after bytes that are gone", () => {
    const log = unreadLog();
    readMarks(log, Buffer.from("#BUTIDO:STA"));
    skipMarks(log, 1_000);
    readMarks(log, Buffer.from("TE:OK\n#BUTIDO:PROGRESS:5\n"));
    expect(log).toMatchObject({ saysOk: false, percent: 5, readBytes: 1_025 });
  });
});
