import { describe, expect, it } from "vitest";
import { z } from "zod";
import type { CommandEntry } from "../../../coordinator/cli/catalogue/entry.ts";
import type { CommandContext } from "../../../coordinator/cli/command-context.ts";
import { defineCommand } from "../../../coordinator/cli/define-command.ts";
import { Interruption } from "../../../coordinator/cli/interruption.ts";
import {
  connectionShape,
  durationValue,
  momentValue,
  unreferencedValue,
  wholeNumber,
} from "../../../coordinator/cli/option-values.ts";
import { CapturedTerminal } from "./captured-terminal.ts";

const entry: CommandEntry = {
  name: "probe",
  summary: "",
  arguments: [{ name: "file", summary: "" }],
  load: () => Promise.reject(new Error("not loaded")),
};

function context(): CommandContext {
  const interruption = new Interruption(() => {});
  return {
    entry,
    words: "millrace tool probe",
    catalogue: [],
    terminal: new CapturedTerminal(),
    environment: {},
    interruption,
    programs: { millrace: "", agent: "" },
  };
}

describe("option values", () => {
  it.each(["0", "-1", "1.5", "x", "", "1e3", "0x10", "99999999999999999999"])(
    "refuse %j as a count",
    (text) => {
      expect(wholeNumber(1, 1000).safeParse(text).success).toBe(false);
    },
  );

  it("read counts, durations and moments", () => {
    expect(wholeNumber(1, 1000).parse("8")).toBe(8);
    expect(durationValue.parse("1h30m")).toBe(5_400_000);
    expect(momentValue.parse("10m")(1_000_000).getTime()).toBe(400_000);
    expect(momentValue.parse("2026-05-01T12:00:00Z")(0).toISOString()).toBe("2026-05-01T12:00:00.000Z");
  });

  it.each(["10", "soon", "-5m", "0s"])("refuse %j as a duration", (text) => {
    expect(durationValue.safeParse(text).success).toBe(false);
  });

  it("refuse to remove what may be of an upload under way", () => {
    expect(unreferencedValue.safeParse("59m").success).toBe(false);
    expect(unreferencedValue.parse("1h")).toBe(3_600_000);
  });

  it.each(["yesterday", "5", "2026-13-45"])("refuse %j as a moment", (text) => {
    expect(momentValue.safeParse(text).success).toBe(false);
  });

  it("are named in mistakes as they stand on the command line", async () => {
    const schema = z.object({
      ...connectionShape,
      keepAll: wholeNumber(1, 2),
      file: z.string().min(3, "is short"),
    });
    const command = defineCommand(schema, async () => 0);
    const failure = command({ keepAll: "9", file: "x", namespace: "A b" }, context());
    await expect(failure).rejects.toMatchObject({
      code: "badInput",
      message: expect.stringMatching(
        /--namespace must.*--keep-all must be a whole number from 1 to 2; <file> is short/,
      ),
    });
  });
});
