import { execFileSync } from "node:child_process";
import { mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  notMeasured,
  parseUsage,
  readUsage,
  wrapperScript,
} from "../../../agent/runners/container-wrapper.ts";

describe("what a container's cgroup counted", () => {
  test("is read in version 1's units", () => {
    const text = "cpuacct/cpuacct.usage 1500000000 \nmemory/memory.max_usage_in_bytes 4096 \n";
    expect(parseUsage(text)).toEqual({ cpuMs: 1500, peakMemoryBytes: 4096, outOfMemory: false });
  });

  test("is read in version 2's units", () => {
    const text = "cpu.stat usage_usec 2500\ncpu.stat user_usec 2000\nmemory.peak 8192 \n";
    expect(parseUsage(text)).toEqual({ cpuMs: 2.5, peakMemoryBytes: 8192, outOfMemory: false });
  });

  test.each(["memory.events", "memory/memory.oom_control"])(
    "tells of a kill for want of memory in %s",
    (counter) => {
      expect(parseUsage(`${counter} oom_kill 2\n`).outOfMemory).toBe(true);
      expect(parseUsage(`${counter} oom_kill 0\n`).outOfMemory).toBe(false);
      expect(parseUsage(`${counter} oom 3\n`).outOfMemory).toBe(false);
    },
  );

  test("is unmeasured where a counter is missing or no number", () => {
    expect(parseUsage("")).toEqual(notMeasured);
    expect(parseUsage("memory.peak max \ncpu.stat usage_usec -1\n")).toEqual(notMeasured);
    expect(parseUsage("memory.peak 1 \n")).toEqual({ ...notMeasured, peakMemoryBytes: 1 });
  });

  test("never is a value that is not a count, whatever a job wrote there", () => {
    const line = fc.tuple(
      fc.constantFrom("cpu.stat usage_usec", "memory.peak", "cpuacct/cpuacct.usage", "__proto__"),
      fc.oneof(fc.string(), fc.integer().map(String), fc.constantFrom("NaN", "Infinity", "1e400", "0x10")),
    );
    fc.assert(
      fc.property(fc.array(line), (lines) => {
        const measured = parseUsage(lines.map((words) => words.join(" ")).join("\n"));
        for (const value of [measured.cpuMs, measured.peakMemoryBytes]) {
          expect(value === null || (Number.isFinite(value) && value >= 0)).toBe(true);
        }
      }),
    );
  });
});

describe("the usage file", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "mr-usage-"));
  });
  afterEach(() => rm(folder, { recursive: true }));

  test("that was never made means that the wrapper never ran", async () => {
    expect(await readUsage(join(folder, "usage"))).toBeUndefined();
  });

  test("is read when it is a file", async () => {
    await writeFile(join(folder, "usage"), "memory.peak 5 \n");
    expect(await readUsage(join(folder, "usage"))).toEqual({ ...notMeasured, peakMemoryBytes: 5 });
  });

  test("is not followed when a job made it a link, nor waited for when it made it a pipe", async () => {
    await writeFile(join(folder, "other"), "memory.peak 5 \n");
    await symlink(join(folder, "other"), join(folder, "link"));
    expect(await readUsage(join(folder, "link"))).toEqual(notMeasured);
    execFileSync("mkfifo", [join(folder, "pipe")]);
    expect(await readUsage(join(folder, "pipe"))).toEqual(notMeasured);
  });
});

test("the wrapper is a script that a POSIX shell takes", () => {
  execFileSync("/bin/sh", ["-n"], { input: wrapperScript });
});
