/**
 * Ends a test run with one line on stdout, such as `812 passed, 0 failed, 2 skipped`. What failed outside of a test (a
 * file that cannot be loaded, an error that nobody awaited) counts as failed, and so does a test that never ended.
 * With `MILLRACE_TEST_COUNTS` the three numbers are appended to that file instead, so that a script can add up runs.
 */
import { appendFileSync } from "node:fs";
import type { Reporter, TestModule } from "vitest/node";

export interface TestCounts {
  passed: number;
  failed: number;
  skipped: number;
}

/** Counts tests, and failed files and stray errors as one failed test each. */
export function countTests(modules: readonly TestModule[], strayErrors: number): TestCounts {
  const counts: TestCounts = { passed: 0, failed: strayErrors, skipped: 0 };
  for (const module of modules) {
    let failedHere = 0;
    for (const test of module.children.allTests()) {
      const { state } = test.result();
      if (state === "passed") counts.passed += 1;
      else if (state === "skipped") counts.skipped += 1;
      else failedHere += 1;
    }
    counts.failed += failedHere === 0 && module.state() === "failed" ? 1 : failedHere;
  }
  return counts;
}

/** The counts as the line that ends a run. */
export function summaryLine({ passed, failed, skipped }: TestCounts): string {
  return `${passed} passed, ${failed} failed${skipped === 0 ? "" : `, ${skipped} skipped`}`;
}

export default class SummaryReporter implements Reporter {
  #counts: TestCounts | undefined;

  onTestRunEnd(modules: readonly TestModule[], strayErrors: readonly unknown[]): void {
    this.#counts = countTests(modules, strayErrors.length);
    // Other reporters print their own summary now or soon; the line has to be the last.
    process.once("exit", () => this.#conclude());
  }

  #conclude(): void {
    if (this.#counts === undefined) return;
    const { passed, failed, skipped } = this.#counts;
    const file = process.env.MILLRACE_TEST_COUNTS;
    if (file === undefined) process.stdout.write(`${summaryLine(this.#counts)}\n`);
    else appendFileSync(file, `${passed} ${failed} ${skipped}\n`);
  }
}
