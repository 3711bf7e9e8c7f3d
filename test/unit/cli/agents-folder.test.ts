import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { AgentsFolder } from "../../../coordinator/cli/agents-folder.ts";

let parent = "";

beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), "millrace-agents-"));
});
afterEach(async () => {
  await rm(parent, { recursive: true, force: true });
});

async function abandoned(name: string, ...folders: string[]): Promise<string> {
  const path = join(parent, name);
  await mkdir(path);
  for (const folder of folders) await mkdir(join(path, folder), { recursive: true });
  const longAgo = new Date(Date.now() - 3_600_000);
  await utimes(path, longAgo, longAgo);
  return path;
}

describe("the folder of a command's agents", () => {
  it("leaves nothing behind", async () => {
    const folder = await AgentsFolder.claim(parent);
    await mkdir(join(folder.path, "agent-1", "attempts"), { recursive: true });
    await writeFile(join(folder.path, "agent-1.log"), "");
    expect(await folder.release()).toEqual([]);
    expect(await readdir(parent)).toEqual([]);
  });

  it("keeps the workspaces that were to be kept, and says where they are", async () => {
    const folder = await AgentsFolder.claim(parent);
    const kept = join(folder.path, "agent-1", "kept", "r1", "build-1");
    await mkdir(kept, { recursive: true });
    await mkdir(join(folder.path, "agent-1", "cache"));
    await writeFile(join(folder.path, "agent-1.log"), "");
    expect(await folder.release()).toEqual([kept]);
    expect(await readdir(folder.path)).toEqual(["agent-1"]);
    expect(await readdir(join(folder.path, "agent-1"))).toEqual(["kept"]);
  });

  it("removes what a killed command left, once its agents must have ended", async () => {
    await abandoned("999999999-1-x", "agent-1/attempts");
    await mkdir(join(parent, "999999998-1-x"));
    const kept = await abandoned("999999997-1-x", "agent-1/kept/r1/build-1");
    const folder = await AgentsFolder.claim(parent);
    await folder.release();
    expect((await readdir(parent)).sort()).toEqual(["999999997-1-x", "999999998-1-x"]);
    expect(await readdir(join(kept, "agent-1", "kept", "r1"))).toEqual(["build-1"]);
  });
});
