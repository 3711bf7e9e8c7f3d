import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { findServer } from "../../../shared/bus/embedded/find-server.ts";
import { cacheFolder } from "../../../shared/host/cache-folder.ts";

describe("the search for a nats-server", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "millrace-find-"));
  });
  afterEach(() => rm(folder, { recursive: true }));

  async function fakeServer(path: string, output: string): Promise<string> {
    const file = join(folder, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, `#!/bin/sh\necho '${output}'\n`);
    await chmod(file, 0o755);
    return file;
  }

  test("takes the one that MILLRACE_NATS_SERVER names before any other", async () => {
    const named = await fakeServer("mine/server", "nats-server: v2.11.0");
    await fakeServer("bin/nats-server", "nats-server: v2.12.0");
    const environment = { MILLRACE_NATS_SERVER: named, PATH: join(folder, "bin") };
    expect(await findServer(environment)).toEqual({ path: named, version: "2.11.0" });
  });

  test.each([
    ["too old", "nats-server: v2.8.4", "is 2.8.4, older than 2.9.0"],
    ["something else", "hello", "is not a nats-server"],
  ])("refuses a named one that is %s instead of taking another", async (_, output, clause) => {
    const named = await fakeServer("mine/server", output);
    await expect(findServer({ MILLRACE_NATS_SERVER: named })).rejects.toMatchObject({
      code: "badInput",
      message: expect.stringContaining(clause),
      fix: expect.any(String),
    });
  });

  test("refuses a named one that is not there", async () => {
    await expect(findServer({ MILLRACE_NATS_SERVER: join(folder, "none") })).rejects.toMatchObject({
      code: "badInput",
      message: expect.stringContaining("does not run"),
    });
  });

  test("passes over one on PATH that is too old", async () => {
    await fakeServer("old/nats-server", "nats-server: v2.2.0");
    const good = await fakeServer("good/nats-server", "nats-server: v2.10.1");
    const PATH = `${join(folder, "old")}:${join(folder, "good")}`;
    expect(await findServer({ PATH })).toEqual({ path: good, version: "2.10.1" });
  });

  test("keeps the cache below XDG_CACHE_HOME, else below HOME, and has none without either", () => {
    expect(cacheFolder({ XDG_CACHE_HOME: "/c", HOME: "/h" })).toBe("/c/millrace");
    expect(cacheFolder({ HOME: "/h" })).toBe("/h/.cache/millrace");
    expect(cacheFolder({})).toBeUndefined();
  });
});
