import { describe, expect, it } from "vitest";
import { deadLetterLine } from "../../../coordinator/cli/commands/dead-letters.ts";
import { readDeadLetter } from "../../../shared/client/dead-letters.ts";

const letter = {
  at: "2026-05-01T12:00:00.000Z",
  reason: "malformed",
  node: "coordinator-1",
  target: "millrace.default._.from.host.report",
  suppressed: 0,
  bytes: 2,
  base64: "wf8=",
};

describe("a dead letter", () => {
  it("is one line that says when, why, what for and how it begins", () => {
    expect(deadLetterLine(letter)).toBe(
      "2026-05-01T12:00:00.000Z malformed millrace.default._.from.host.report at coordinator-1 2 bytes wf8=",
    );
    const { bytes: _, base64: __, ...bare } = letter;
    expect(deadLetterLine({ ...bare, suppressed: 7 })).toMatch(/at coordinator-1 \(7 more before it\)$/);
  });

  it("shows what somebody else has written as one harmless line", () => {
    const line = deadLetterLine({ ...letter, target: "a\n\u001b[31mb" });
    expect(line).not.toContain("\n");
    expect(line).not.toContain("\u001b");
  });

  it("is read from JSON; anything else is left out", () => {
    const bytes = (text: string) => new TextEncoder().encode(text);
    expect(readDeadLetter(bytes(JSON.stringify({ v: 1, more: 1, ...letter })))).toEqual(letter);
    expect(readDeadLetter(bytes("{}"))).toBeUndefined();
    expect(readDeadLetter(Uint8Array.of(0xc1))).toBeUndefined();
  });
});
