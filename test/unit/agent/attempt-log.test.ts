import { mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { AttemptLog } from "../../../agent/actors/attempt-log.ts";
import { LogBacklog } from "../../../agent/actors/log-backlog.ts";

const MIB = 2 ** 20;
let folder: string;
let path: string;
/** Bytes that were handed over. */
let shipped: number;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "attempt-log-"));
  path = join(folder, "log");
  shipped = 0;
});

afterEach(() => rmSync(folder, { recursive: true }));

function openLog(whenWritten = () => {}): AttemptLog {
  return new AttemptLog({
    place: { log: path, control: folder },
    openSink: () => ({
      write: async (bytes) => {
        shipped += bytes.length;
        whenWritten();
      },
      skipTo: () => Promise.resolve(),
      acknowledgedBytes: () => shipped,
      end: () => Promise.resolve(),
    }),
    punch: () => Promise.resolve(),
    backlog: new LogBacklog(MIB),
  });
}

test("ends a closed log that is truncated while it is shipped", async () => {
  writeFileSync(path, Buffer.alloc(MIB));
  const log = openLog(() => truncateSync(path, 0));
  log.close();
  await log.stored();
  expect(shipped).toBeLessThan(MIB);
  expect(log.backlogBytes()).toBe(0);
});

test("has nothing waiting of a log that the job has truncated", async () => {
  writeFileSync(path, "first words");
  const log = openLog();
  await log.ship();
  truncateSync(path, 3);
  expect(log.backlogBytes()).toBe(0);
  await log.stored();
  expect(shipped).toBe("first words".length);
});
