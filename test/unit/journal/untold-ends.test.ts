import { expect, it } from "vitest";
import { MemoryConnection, MemoryStream } from "../../../coordinator/journal/memory-stream.ts";
import { StreamEventLog } from "../../../coordinator/journal/stream-event-log.ts";
import { findUntoldEnds } from "../../../coordinator/journal/untold-ends.ts";
import { Subjects } from "../../../shared/bus/subjects.ts";

const HOUR_MS = 3600_000;
const endedAt = (ms: number): string => new Date(10 ** 12 + ms).toISOString();

function emptyLog(): StreamEventLog {
  return new StreamEventLog(new MemoryConnection(new MemoryStream()), new Subjects("test"));
}

it("finds the ended runs whose events do not end with the run's end, however many ran", async () => {
  const log = emptyLog();
  const runs = Array.from({ length: 200 }, (_, index) => `run-${index}`);
  for (const run of runs.slice(2)) {
    await log.store(run, 1, [
      { seq: 1, type: "run.submitted" },
      { seq: 2, type: "run.finished" },
    ]);
  }
  await log.store("run-1", 1, [{ seq: 1, type: "run.submitted" }]);
  const ended = runs.map((run, index) => ({ run, endedAt: endedAt(index) }));
  expect(await findUntoldEnds(ended, log)).toEqual(["run-0", "run-1"]);
});

it("takes runs that ended long ago, and whose events are all gone, for told", async () => {
  const log = emptyLog();
  await log.store("cut short", 1, [{ seq: 1, type: "run.submitted" }]);
  const ended = [
    { run: "dropped", endedAt: endedAt(0) },
    { run: "cut short", endedAt: endedAt(0) },
    { run: "late", endedAt: endedAt(9.5 * HOUR_MS) },
    { run: "last", endedAt: endedAt(10 * HOUR_MS) },
  ];
  expect(await findUntoldEnds(ended, log)).toEqual(["cut short", "late", "last"]);
});
