import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { copyOut } from "../../../agent/runners/container-files.ts";
import type { Engine } from "../../../agent/runners/engine.ts";

describe("the outputs of a container", () => {
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "millrace-files-"));
    // What a copy that was cut short has left.
    mkdirSync(join(folder, "outputs"));
    writeFileSync(join(folder, "outputs/old"), "");
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  /** Copies from an engine whose command line is this script. */
  async function copyFrom(script: string): Promise<void> {
    const binary = join(folder, "engine");
    writeFileSync(binary, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    const engine: Engine = {
      kind: "docker",
      binary,
      version: "docker 1",
      userOptions: [],
      rootOptions: [],
      laysOver: false,
    };
    await copyOut(engine, "c1", folder);
  }

  it.each([
    "Error response from daemon: Could not find the file /outputs in container c1",
    'Error: "/outputs" could not be found on container c1: no such file or directory',
  ])("are none where the engine says %j", async (words) => {
    await copyFrom(`echo '${words}' >&2; exit 1`);
    expect(existsSync(join(folder, "outputs"))).toBe(false);
  });

  it.each([
    "Cannot connect to the Docker daemon: dial unix /var/run/docker.sock: connect: no such file or directory",
    "Error response from daemon: No such container: c1",
    "",
  ])("are not taken for none where the engine says %j", async (words) => {
    await expect(copyFrom(`echo '${words}' >&2; exit 1`)).rejects.toMatchObject({ code: "unavailable" });
  });

  it("are not taken for whole where the engine ends in the middle", async () => {
    const cut = "mkdir outputs; head -c 5000 /dev/zero >outputs/x; tar c outputs | head -c 2000";
    await expect(copyFrom(`cd ${folder}; rm -r outputs; ${cut}; kill -KILL $$`)).rejects.toThrow();
  });
});
