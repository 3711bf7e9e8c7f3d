import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { afterEach, describe, expect, test } from "vitest";
import { takeCensus } from "../../../agent/runners/process-census.ts";

describe.skipIf(!existsSync("/proc/self/stat"))("a census of processes", () => {
  const children: ChildProcess[] = [];
  afterEach(() => {
    for (const child of children.splice(0)) child.kill("SIGKILL");
  });

  async function attemptSeenIn(env: NodeJS.ProcessEnv): Promise<string | undefined> {
    const child = spawn("/bin/sleep", ["60"], { env, stdio: "ignore" });
    children.push(child);
    await once(child, "spawn");
    const entry = (await takeCensus()).find(({ pid }) => pid === child.pid);
    expect(entry?.isKernel).toBe(false);
    return entry?.attempt;
  }

  test("tells the attempt by its variable, wherever in the environment it stands", async () => {
    expect(await attemptSeenIn({ MILLRACE_ATTEMPT: "r/1/1/a", Z: "z" })).toBe("r/1/1/a");
    expect(await attemptSeenIn({ A: "a", MILLRACE_ATTEMPT: "r/2/1/b" })).toBe("r/2/1/b");
    expect(await attemptSeenIn({ MILLRACE_ATTEMPT: "r/3/1/ü" })).toBe("r/3/1/ü");
  });

  test("is not taken in by other variables", async () => {
    expect(await attemptSeenIn({ MY_MILLRACE_ATTEMPT: "r/1/1/a" })).toBeUndefined();
    expect(await attemptSeenIn({ A: "MILLRACE_ATTEMPT=r/1/1/a" })).toBeUndefined();
    expect(await attemptSeenIn({})).toBeUndefined();
  });

  test("finds it in an environment of any size", async () => {
    const large = Object.fromEntries(["A", "B", "C", "D"].map((name) => [name, "x".repeat(100_000)]));
    expect(await attemptSeenIn({ ...large, MILLRACE_ATTEMPT: "r/1/1/a" })).toBe("r/1/1/a");
    expect(await attemptSeenIn({ A: "a" })).toBeUndefined();
  });
});
