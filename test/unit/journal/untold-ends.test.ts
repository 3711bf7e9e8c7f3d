import { expect, it } from "vitest";
import { MemoryConnection, MemoryStream } from "../../../coordinator/journal/memory-stream.ts";
import { StreamEventLog } from "../../../coordinator/journal/stream-event-log.ts";
import { findUntoldEnds } from "../../../coordinator/journal/untold-ends.ts";
import { Subjects } from "../../../shared/bus/subjects.ts";

it("finds the ended runs whose events do not end with the run's end, however many ran", async () => {
  const log = new StreamEventLog(new MemoryConnection(new MemoryStream()), new Subjects("test"));
  const runs = Array.from({ length: 200 }, (_, index) => `run-${index}`);
  for (const run of runs.slice(2)) {
    await log.store(run, 1, [
      { seq: 1, type: "run.submitted" },
      { seq: 2, type: "run.finished" },
    ]);
  }
  await log.store("run-1", 1, [{ seq: 1, type: "run.submitted" }]);
  expect(await findUntoldEnds(runs, log)).toEqual(["run-0", "run-1"]);
});
