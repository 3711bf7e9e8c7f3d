import { createHash } from "node:crypto";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { sourceArtifacts } from "../../../coordinator/sources/source-artifact.ts";
import { checkSource } from "../../../coordinator/sources/source-state.ts";
import { collectOutputs } from "../../../shared/store/collect.ts";

let cache: string;
beforeEach(async () => {
  cache = await mkdtemp(join(tmpdir(), "millrace-cache-"));
  await mkdir(join(cache, "zlib-1.3"));
});
afterEach(async () => {
  await rm(cache, { recursive: true, force: true });
});

const zlib = {
  name: "zlib",
  version: "1.3",
  sources: ["src", "[doc]*"].map((id) => ({
    id,
    url: "https://zlib.net",
    hash: { type: "sha512", hash: createHash("sha512").update(id).digest("hex").toUpperCase() } as const,
    downloadManually: false,
  })),
};

function put(id: string, text = id): Promise<void> {
  return writeFile(join(cache, "zlib-1.3", `${id}.source`), text);
}

describe("the artifacts of a package's sources", () => {
  it("have one file each, whatever signs its id has", async () => {
    await put("src");
    await put("[doc]*");
    await put("other");
    const artifacts = await sourceArtifacts(cache, zlib, { verify: true });
    const found = await Promise.all(artifacts.map(({ root, globs }) => collectOutputs(root, globs)));
    expect(found.map((files) => files.map(({ path }) => path))).toEqual([["src.source"], ["[doc]*.source"]]);
  });

  it("are refused with all that is wrong, and what to do about it", async () => {
    await put("src", "another");
    await expect(sourceArtifacts(cache, zlib, { verify: true })).rejects.toMatchObject({
      code: "refused",
      message: expect.stringMatching(
        /zlib 1\.3 src has the sha512 .*; source zlib 1\.3 \[doc\]\* is missing/,
      ),
      fix: expect.stringContaining("millrace source download zlib 1.3"),
    });
  });

  it("need only be there when nobody wants them verified", async () => {
    await put("src", "another");
    await put("[doc]*", "another");
    expect(await sourceArtifacts(cache, zlib, { verify: false })).toHaveLength(2);
  });

  it("are no links, which would lead nowhere on an agent", async () => {
    await put("[doc]*");
    await symlink("/etc/hostname", join(cache, "zlib-1.3", "src.source"));
    await expect(sourceArtifacts(cache, zlib, { verify: false })).rejects.toThrow("is not a plain file");
  });
});

describe("the state of a source", () => {
  it("is told from the bytes that are there", async () => {
    const [source] = zlib.sources;
    const at = (path: string) => checkSource({ path: join(cache, path), source: source! });
    await put("src");
    await put("cut", "sr");
    expect(await at("zlib-1.3/src.source")).toEqual({ kind: "right", bytes: 3 });
    expect(await at("zlib-1.3/cut.source")).toMatchObject({ kind: "wrong", bytes: 2 });
    expect(await at("zlib-1.3/none.source")).toEqual({ kind: "missing" });
    expect(await at("zlib-1.3")).toMatchObject({ kind: "unreadable" });
  });
});
