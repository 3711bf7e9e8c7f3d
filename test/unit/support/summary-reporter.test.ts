import { describe, expect, it } from "vitest";
import type { TestModule } from "vitest/node";
import { countTests, summaryLine } from "../../support/summary-reporter.ts";

/** A file as vitest reports it, as far as the reporter looks at it. */
function testFile(
  state: "passed" | "failed",
  ...tests: ("passed" | "failed" | "skipped" | "pending")[]
): TestModule {
  const file = {
    state: () => state,
    children: { allTests: () => tests.map((result) => ({ result: () => ({ state: result }) })) },
  };
  return file as unknown as TestModule;
}

describe("the summary of a test run", () => {
  it("counts tests by how they ended, over all files", () => {
    const files = [testFile("passed", "passed", "skipped"), testFile("failed", "passed", "failed")];
    expect(countTests(files, 0)).toEqual({ passed: 2, failed: 1, skipped: 1 });
  });

  it("counts a test that never ended as failed", () => {
    expect(countTests([testFile("failed", "passed", "pending")], 0)).toMatchObject({ passed: 1, failed: 1 });
  });

  it("counts a file that failed around its tests, and a stray error, as one each", () => {
    expect(countTests([testFile("failed"), testFile("failed", "passed")], 1)).toMatchObject({ failed: 3 });
  });

  it("is one line that names skipped tests only when there are some", () => {
    expect(summaryLine({ passed: 812, failed: 0, skipped: 0 })).toBe("812 passed, 0 failed");
    expect(summaryLine({ passed: 812, failed: 1, skipped: 2 })).toBe("812 passed, 1 failed, 2 skipped");
  });
});
