import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { OutFolder } from "../../../coordinator/cli/out-folder.ts";
import type { Client } from "../../../shared/client/client.ts";

let base = "";
let out = "";

beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), "millrace-out-"));
  out = join(base, "out");
});
afterEach(async () => {
  await rm(base, { recursive: true, force: true });
});

const source = { digest: "0".repeat(64) };

/** A client whose artifacts hold the given files. */
function clientWith(files: Record<string, string>): Client {
  const downloadArtifact: Client["downloadArtifact"] = async (_source, folder) => {
    await mkdir(folder);
    for (const [path, content] of Object.entries(files)) await writeFile(join(folder, path), content);
    return [];
  };
  return { downloadArtifact } as Client;
}

describe("the out folder", () => {
  it("gets a folder for each job, replaced whole by the next run", async () => {
    const first = await OutFolder.open(out);
    await first.replace(clientWith({ a: "1", b: "1" }), "build/x", source);
    await first.close();
    const second = await OutFolder.open(out);
    await second.refuseStrangers(["build/x"]);
    await second.replace(clientWith({ a: "2" }), "build/x", source);
    await second.close();
    expect(await readdir(join(out, "build%2Fx"))).toEqual(["a"]);
    expect(await readFile(join(out, "build%2Fx", "a"), "utf8")).toBe("2");
    expect((await readdir(out)).sort()).toEqual([".millrace-out", "build%2Fx"]);
  });

  it("leaves alone what it did not write", async () => {
    await mkdir(join(out, "notes"), { recursive: true });
    await writeFile(join(out, "notes", "mine"), "kept");
    await writeFile(join(out, "file"), "kept");
    const folder = await OutFolder.open(out);
    await folder.replace(clientWith({ a: "1" }), "build", source);
    await folder.clear("notes");
    await expect(folder.refuseStrangers(["build", "notes"])).rejects.toThrow(
      /notes is there and was not written/,
    );
    await expect(folder.replace(clientWith({ a: "1" }), "notes", source)).rejects.toMatchObject({
      code: "badInput",
    });
    await expect(folder.replace(clientWith({ a: "1" }), "file", source)).rejects.toMatchObject({
      code: "badInput",
    });
    expect(await readFile(join(out, "notes", "mine"), "utf8")).toBe("kept");
    expect(await readFile(join(out, "file"), "utf8")).toBe("kept");
  });

  it("does not follow a link that took the place of a folder", async () => {
    const folder = await OutFolder.open(out);
    await folder.replace(clientWith({ a: "1" }), "build", source);
    await mkdir(join(base, "elsewhere"));
    await writeFile(join(base, "elsewhere", "mine"), "kept");
    await rm(join(out, "build"), { recursive: true });
    await symlink(join(base, "elsewhere"), join(out, "build"));
    await folder.replace(clientWith({ a: "2" }), "build", source);
    expect(await readdir(join(base, "elsewhere"))).toEqual(["mine"]);
    expect(await readdir(join(out, "build"))).toEqual(["a"]);
  });

  it("keeps the old artifact when the new one can't be fetched", async () => {
    const folder = await OutFolder.open(out);
    await folder.replace(clientWith({ a: "1" }), "build", source);
    const broken = { downloadArtifact: () => Promise.reject(new Error("gone")) } as unknown as Client;
    await expect(folder.replace(broken, "build", source)).rejects.toThrow("gone");
    await folder.close();
    expect(await readdir(join(out, "build"))).toEqual(["a"]);
    expect((await readdir(out)).sort()).toEqual([".millrace-out", "build"]);
  });

  it("makes nothing until there is something to write", async () => {
    const folder = await OutFolder.open(out);
    await folder.refuseStrangers(["a"]);
    await folder.close();
    await expect(readdir(out)).rejects.toMatchObject({ code: "ENOENT" });
  });
});
