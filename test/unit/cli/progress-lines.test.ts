import fc from "fast-check";
import pico from "picocolors";
import { describe, expect, it } from "vitest";
import { displayWidth } from "../../../coordinator/cli/format/display-width.ts";
import { type Drawing, progressLines } from "../../../coordinator/cli/progress/progress-lines.ts";
import {
  emptyProgress,
  onRunEvent,
  type RunProgress,
} from "../../../coordinator/cli/progress/run-progress.ts";
import {
  blocked,
  failed,
  momentOf,
  numbered,
  progressed,
  started,
  submitted,
  succeeded,
} from "./run-event-samples.ts";

const plain: Drawing = {
  nowMs: momentOf(8),
  columns: 60,
  rows: 24,
  unicode: false,
  colours: pico.createColors(false),
};

function folded(bodies: Parameters<typeof numbered>[0]): RunProgress {
  const progress = emptyProgress("r1");
  for (const event of numbered(bodies)) onRunEvent(progress, event);
  return progress;
}

describe("progress lines", () => {
  it("draw title, bar with estimate, counts and what runs", () => {
    const progress = folded([
      submitted(10, "hello"),
      succeeded("a"),
      succeeded("b"),
      failed("c"),
      blocked("d", "c"),
      started("compile"),
      started("link", 2),
    ]);
    expect(progressLines(progress, plain)).toEqual([
      `${"hello r1".padEnd(57)} 7s`,
      `${"#".repeat(16)}${".".repeat(24)}  40%  about 4s left`,
      "2 done | 2 running | 4 waiting | 1 failed | 1 blocked",
      "     2s  compile               host-1",
      "     1s  link (attempt 2)      host-1",
    ]);
  });

  it("draw what the marks of a running job say", () => {
    const progress = folded([submitted(1), started("compile"), progressed("compile", "build", 40)]);
    expect(progressLines(progress, plain).at(-1)).toBe("     6s  compile               host-1  build, 40 %");
  });

  it("leave out no count in a narrow terminal", () => {
    const progress = folded([submitted(10), succeeded("a"), failed("b"), blocked("c", "b"), started("d")]);
    expect(progressLines(progress, { ...plain, columns: 39 }).slice(2, 4)).toEqual([
      "1 done | 1 running | 6 waiting",
      "1 failed | 1 blocked",
    ]);
  });

  it("show the jobs that run longest and count the others", () => {
    const progress = folded([
      submitted(10_000),
      ...Array.from({ length: 500 }, (_, index) => started(`job-${index}`)),
    ]);
    const lines = progressLines(progress, { ...plain, rows: 10 });
    expect(lines.length).toBeLessThanOrEqual(10);
    expect(lines[3]).toContain("job-0");
    expect(lines.at(-1)).toBe("  and 495 more");
  });

  it("are never wider than the terminal, whatever jobs are called", () => {
    const names = fc.array(fc.string({ unit: "grapheme", minLength: 1, maxLength: 40 }), { maxLength: 5 });
    fc.assert(
      fc.property(names, fc.integer({ min: 10, max: 120 }), fc.boolean(), (jobs, columns, unicode) => {
        const progress = folded([
          submitted(jobs.length, jobs[0] ?? null),
          ...jobs.map((job) => started(job)),
        ]);
        for (const line of progressLines(progress, { ...plain, columns, unicode })) {
          expect(displayWidth(line)).toBeLessThanOrEqual(columns);
          expect(line).not.toMatch(/\p{Cc}/u);
        }
      }),
    );
  });

  it("cost the same for ten thousand jobs as for ten", () => {
    const progress = folded([
      submitted(10_000),
      ...Array.from({ length: 9_999 }, (_, index) => started(`job-${index}`)),
    ]);
    const visited = { count: 0 };
    const counting: RunProgress = { ...progress, running: countedMap(progress.running, visited) };
    progressLines(counting, plain);
    expect(visited.count).toBeLessThan(100);
  });
});

function countedMap<K, V>(map: Map<K, V>, visited: { count: number }): Map<K, V> {
  const counted = new Map(map);
  counted.values = () => {
    const values = map.values();
    const next = values.next.bind(values);
    values.next = () => {
      visited.count += 1;
      return next();
    };
    return values;
  };
  return counted;
}
