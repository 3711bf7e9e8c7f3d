import pico from "picocolors";
import { describe, expect, it } from "vitest";
import {
  emptyProgress,
  onRunEvent,
  type RunProgress,
} from "../../../coordinator/cli/progress/run-progress.ts";
import { summaryLines } from "../../../coordinator/cli/summary/summary-lines.ts";
import {
  blocked,
  failed,
  finished,
  numbered,
  progressed,
  started,
  submitted,
  succeeded,
} from "./run-event-samples.ts";

const style = { colours: pico.createColors(false), commandOptions: "" };

function folded(bodies: Parameters<typeof numbered>[0]): RunProgress {
  const progress = emptyProgress("r1");
  for (const event of numbered(bodies)) onRunEvent(progress, event);
  return progress;
}

describe("the summary", () => {
  it("is one line when all went well", () => {
    const progress = folded([submitted(1, "hello"), succeeded("a"), finished("succeeded")]);
    expect(summaryLines(progress, [], style)).toEqual([
      "hello, run r1 succeeded after 12.3 s: 1 done, 0 failed, 0 blocked",
    ]);
  });

  it("tells each root cause with the end of its log and how to read the rest, then what it blocks", () => {
    const progress = folded([
      submitted(3),
      failed("it's"),
      blocked("b", "it's"),
      blocked("c", "it's"),
      finished("failed"),
    ]);
    const causes = progress.failures.map((failure) => ({
      failure,
      tail: ["cc: \u001b[31merror", "gone\u0007"],
    }));
    expect(summaryLines(progress, causes, style)).toEqual([
      "it's failed on host-1: exit status 2",
      "  | cc: error",
      "  | gone",
      "  whole log: millrace logs r1 'it'\\''s'",
      "",
      "2 jobs blocked by it's: b, c",
      "",
      "run r1 failed after 12.3 s: 0 done, 1 failed, 2 blocked",
    ]);
  });

  it("tells the last phase of a job, where its log has told one", () => {
    const progress = folded([submitted(1), started("a"), progressed("a", "patch", 20), failed("a")]);
    const causes = progress.failures.map((failure) => ({ failure, tail: [] }));
    expect(summaryLines(progress, causes, style)[0]).toBe(
      "a failed on host-1, last phase patch: exit status 2",
    );
  });

  it("bounds the list of blocked jobs", () => {
    const jobs = Array.from({ length: 500 }, (_, index) => blocked(`job-${index}`, "a"));
    const lines = summaryLines(folded([submitted(501), failed("a"), ...jobs]), [], style);
    expect(lines.find((line) => line.startsWith("500 jobs blocked by a"))).toMatch(/job-19 and 480 more$/);
  });

  it("says how many failures it leaves out", () => {
    const progress = folded([submitted(2), failed("a"), failed("b")]);
    expect(summaryLines(progress, [], style)[0]).toContain("and 2 more failed jobs; millrace status r1");
  });

  it("names the namespace in what it tells people to type", () => {
    const progress = folded([submitted(1), failed("a")]);
    const causes = progress.failures.map((failure) => ({ failure, tail: [] }));
    const lines = summaryLines(progress, causes, { ...style, commandOptions: " --namespace ci" });
    expect(lines).toContain("  whole log: millrace logs --namespace ci r1 a");
    expect(lines).toContain("  it wrote nothing");
  });
});
