import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { csvLines } from "../../../coordinator/cli/format/csv.ts";
import { displayWidth, pad, printable, truncate } from "../../../coordinator/cli/format/display-width.ts";
import { formatDuration, formatElapsed } from "../../../coordinator/cli/format/duration.ts";
import { shellWord } from "../../../coordinator/cli/format/shell-word.ts";
import { tableLines } from "../../../coordinator/cli/format/table.ts";
import { formatBytes } from "../../../shared/model/size.ts";

describe("human forms", () => {
  it.each([
    [0, "0 ms"],
    [850, "850 ms"],
    [999.9, "1.0 s"],
    [12_300, "12.3 s"],
    [59_990, "1m 00s"],
    [192_000, "3m 12s"],
    [7_500_000, "2h 05m"],
    [273_600_000, "3d 4h"],
  ])("show %d ms as %s", (ms, text) => {
    expect(formatDuration(ms)).toBe(text);
  });

  it("grow by whole seconds while somebody watches", () => {
    expect(formatElapsed(-5)).toBe("0s");
    expect(formatElapsed(59_999)).toBe("59s");
  });

  it.each([
    [0, "0 B"],
    [1023, "1023 B"],
    [1024, "1 KiB"],
    [1536, "1.5 KiB"],
    [1024 ** 2 - 1, "1 MiB"],
    [200 * 1024 ** 2, "200 MiB"],
  ])("show %d bytes as %s", (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });
});

describe("columns", () => {
  it("count wide characters twice and marks not at all", () => {
    expect(displayWidth("zlib-1.3")).toBe(8);
    expect(displayWidth("日本")).toBe(4);
    expect(displayWidth("e\u0301")).toBe(1);
    expect(displayWidth("🚀")).toBe(2);
  });

  it("hold in any truncation", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), fc.nat(20), (text, columns) => {
        expect(displayWidth(truncate(text, columns))).toBeLessThanOrEqual(columns);
        expect(displayWidth(pad(truncate(text, columns), columns))).toBe(columns);
      }),
    );
  });

  it("can't be moved by what a job wrote", () => {
    expect(printable("\u001b[2J\u001b]0;title\u0007a\rb\tc")).toBe("ab    c");
  });
});

describe("tables", () => {
  const columns = [
    { title: "JOB", maxWidth: 6 },
    { title: "SIZE", align: "right" },
  ] as const;
  const rows = [
    ["compile-all", "5"],
    ["日本", "12345"],
  ];

  it("line up for a person", () => {
    expect(tableLines(columns, rows, "aligned")).toEqual(["JOB      SIZE", "compi…      5", "日本    12345"]);
  });

  it("are whole and separated by tabs for a program", () => {
    expect(tableLines(columns, rows, "plain")).toEqual(["compile-all\t5", "日本\t12345"]);
  });
});

describe("shell words", () => {
  it("are quoted where they must be", () => {
    expect(["a-b", "-x", "a b", "it's", "$(x)", ""].map(shellWord)).toEqual([
      "a-b",
      "'-x'",
      "'a b'",
      "'it'\\''s'",
      "'$(x)'",
      "''",
    ]);
  });
});

describe("comma-separated values", () => {
  it("are quoted where they would be taken for two", () => {
    expect(csvLines([["a,b", 'say "x"', "plain", "two\nlines"]])).toEqual([
      '"a,b","say ""x""",plain,"two\nlines"',
    ]);
  });
});
