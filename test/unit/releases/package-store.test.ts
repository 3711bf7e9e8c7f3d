import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { PackageStore } from "../../../coordinator/releases/package-store.ts";
import { hasUnfinishedChanges, PreparedChange } from "../../../coordinator/releases/store-change.ts";
import { type Conflict, describeConflict } from "../../../coordinator/releases/store-conflict.ts";
import { provenancePath } from "../../../coordinator/releases/store-layout.ts";
import { additionOf, type Files, fillWith, provenanceOf } from "./sample-provenance.ts";

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "millrace-store-"));
});
afterEach(async () => {
  await rm(root, { recursive: true, force: true });
});

const open = (): Promise<PackageStore> => PackageStore.open(root, Date.now());

async function put(owner: string, files: Files, replacing: readonly Conflict[] = []): Promise<void> {
  const store = await open();
  await store.put({ ...additionOf(provenanceOf(owner, files), files), replacing });
}

/** The files that people see, and the packages that are listed. */
async function seen(): Promise<{ files: string[]; packages: string[] }> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile() && !entry.parentPath.includes(".millrace"))
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1));
  const packages = [...(await PackageStore.read(root)).artifacts()].map(
    ({ package: { name, version } }) => `${name} ${version}`,
  );
  return { files: files.sort(), packages: packages.sort() };
}

describe("a store of packages", () => {
  it("has files where butido has them, and lists what they are of", async () => {
    await put("a 1", { "a-1.pkg": "1" });
    await put("b 2", { "b-2.pkg": "2", "doc/b.txt": "b" });
    expect(await seen()).toEqual({ files: ["a-1.pkg", "b-2.pkg", "doc/b.txt"], packages: ["a 1", "b 2"] });
    expect(await readFile(join(root, "doc/b.txt"), "utf8")).toBe("b");
  });

  it("takes the same artifact again, and mends it", async () => {
    await put("a 1", { "a-1.pkg": "1" });
    await rm(join(root, "a-1.pkg"));
    const store = await open();
    expect(store.missing([...store.artifacts()][0]!)).toEqual(["a-1.pkg"]);
    await put("a 1", { "a-1.pkg": "1" });
    expect(await seen()).toEqual({ files: ["a-1.pkg"], packages: ["a 1"] });
  });

  it.each([
    ["the same file", { "x.pkg": "b" }],
    ["a file where the other has a folder", { d: "b" }],
    ["a file below the other's file", { "x.pkg/y": "b" }],
  ])("refuses two packages with %s, and changes nothing", async (_, files: Files) => {
    await put("a 1", { "x.pkg": "a", "d/e": "a" });
    await expect(put("b 2", files)).rejects.toMatchObject({
      code: "conflict",
      message: expect.stringMatching(/^b 2 can't be put into .*: (x\.pkg is there, of a 1|d is there, and)/),
    });
    expect(await seen()).toEqual({ files: ["d/e", "x.pkg"], packages: ["a 1"] });
    expect(await readFile(join(root, "x.pkg"), "utf8")).toBe("a");
  });

  it("takes several at once, of two with a file of one name the first that has come", async () => {
    const store = await open();
    const contents = ["1", "2", "3"];
    const puts = contents.map((text) =>
      store.put(additionOf(provenanceOf(`p${text} 1`, { x: text }), { x: text })),
    );
    const done = await Promise.allSettled(puts);
    expect(done.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected", "rejected"]);
    const winner = contents[done.findIndex(({ status }) => status === "fulfilled")];
    expect(await seen()).toEqual({ files: ["x"], packages: [`p${winner} 1`] });
    expect(await readFile(join(root, "x"), "utf8")).toBe(winner);
    expect(await readdir(join(root, ".millrace/changes"))).toEqual([]);
  });

  it("takes of many those that nothing is in the way of, in one change, and tells of the others why not", async () => {
    await put("a 1", { "a-1.pkg": "a" });
    const wanted: [string, Files][] = [
      ["b 1", { "b-1.pkg": "b", "doc/x": "b" }],
      ["c 1", { "a-1.pkg": "c" }],
      ["d 1", { "doc/x": "d" }],
      ["e 1", { doc: "e" }],
      ["f 1", { "b-1.pkg/x": "f" }],
      ["g 1", { "doc/y": "g" }],
    ];
    const store = await open();
    const result = await store.putFree(
      wanted.map(([owner, files]) => additionOf(provenanceOf(owner, files), files)),
    );
    expect(result.put.map((provenance) => provenance.package.name)).toEqual(["b", "g"]);
    expect(result.conflicts.map(({ message }) => message.replace(root, "it"))).toEqual([
      "c 1 can't be put into it: a-1.pkg is there, of a 1",
      "d 1 can't be put into it: doc/x is there, of b 1",
      "e 1 can't be put into it: doc is there, and a file and a folder can't have one name",
      "f 1 can't be put into it: b-1.pkg is there, of b 1",
    ]);
    expect(await seen()).toEqual({
      files: ["a-1.pkg", "b-1.pkg", "doc/x", "doc/y"],
      packages: ["a 1", "b 1", "g 1"],
    });
    expect(await readdir(join(root, ".millrace/changes"))).toEqual([]);
  });

  it("takes none of many when one of them can't be had", async () => {
    const store = await open();
    const good = additionOf(provenanceOf("a 1", { a: "1" }), { a: "1" });
    const bad = { fill: () => Promise.reject(new Error("gone")) };
    await expect(store.putFree([good, bad])).rejects.toThrow("gone");
    expect(await seen()).toEqual({ files: [], packages: [] });
    expect(await readdir(join(root, ".millrace/changes"))).toEqual([]);
  });

  it("replaces what it is told to replace, whole", async () => {
    await put("a 1", { "a-1.pkg": "old", "a-1.debug": "old" });
    const store = await open();
    const files = { "a-1.pkg": "new" };
    const conflicts = store.conflicts(provenanceOf("a 1", files));
    expect(conflicts.map(describeConflict)).toEqual(["a-1.pkg is there, of a 1"]);
    await store.put({ ...additionOf(provenanceOf("a 1", files), files), replacing: conflicts });
    expect(await seen()).toEqual({ files: ["a-1.pkg"], packages: ["a 1"] });
    expect(await readFile(join(root, "a-1.pkg"), "utf8")).toBe("new");
  });

  it("does not overwrite what somebody else has put there, unless that is asked for", async () => {
    await writeFile(join(root, "a-1.pkg"), "butido's");
    await expect(put("a 1", { "a-1.pkg": "1" })).rejects.toThrow("no provenance names it");
    await put("a 1", { "a-1.pkg": "1" }, [{ kind: "stranger", path: "a-1.pkg" }]);
    expect(await readFile(join(root, "a-1.pkg"), "utf8")).toBe("1");
  });

  it("keeps its own files to itself, and paths inside", async () => {
    await expect(put("a 1", { ".millrace/packages/x": "1" })).rejects.toThrow("keeps its own files");
    await expect(put("a 1", { "../x": "1" })).rejects.toMatchObject({ code: "refused" });
    expect(await seen()).toEqual({ files: [], packages: [] });
  });

  it("lists nothing of which not all has come", async () => {
    const provenance = provenanceOf("a 1", { x: "1", y: "22" });
    const store = await open();
    await expect(store.put(additionOf(provenance, { x: "1" }))).rejects.toMatchObject({
      code: "corrupt",
    });
    await expect(store.put(additionOf(provenance, { x: "1", y: "2" }))).rejects.toMatchObject({
      code: "corrupt",
    });
    expect(await seen()).toEqual({ files: [], packages: [] });
  });

  it("removes an artifact with the folders that it leaves empty, and nothing else", async () => {
    await put("a 1", { "a/b/c": "1", "a/d": "1" });
    await put("b 2", { "a/e": "2" });
    const store = await open();
    const [a] = [...store.artifacts()].filter(({ package: { name } }) => name === "a");
    await store.remove(a!);
    expect(await seen()).toEqual({ files: ["a/e"], packages: ["b 2"] });
    expect(await readdir(join(root, "a"))).toEqual(["e"]);
  });

  it("says which provenance it can't read, and lists the others", async () => {
    await put("a 1", { x: "1" });
    await mkdir(join(root, ".millrace/packages/b/2"), { recursive: true });
    await writeFile(join(root, ".millrace/packages/b/2/0.json"), "{}");
    const store = await open();
    expect([...store.artifacts()]).toHaveLength(1);
    expect(store.unreadable).toMatchObject([{ path: expect.stringContaining("b/2/0.json") }]);
  });
});

describe("a change of a store whose command is killed", () => {
  const files = { "n/1": "new", "n/2": "new", "n/3": "new" };

  /** Everything up to the commit, with this many of the files in their places already. */
  async function killedAfter(moved: number): Promise<void> {
    await put("a 1", { "n/1": "old", o: "old" });
    const change = new PreparedChange(root, false);
    await change.begin();
    await fillWith(files)(change.placeOf("0"));
    const places = Object.keys(files).map((path): [string, string] => [`0/${path}`, path]);
    await change.commit({ put: places, remove: ["o"] });
    const [token = ""] = await readdir(join(root, ".millrace/changes"));
    const content = join(root, ".millrace/changes", token, "content/0");
    if (moved > 0) await rm(join(root, "o"));
    for (const path of Object.keys(files).slice(0, moved))
      await rename(join(content, path), join(root, path));
  }

  it.each([0, 1, 2, 3])("is finished by the next one, with %i of its files in place", async (moved) => {
    await killedAfter(moved);
    await open();
    expect((await seen()).files).toEqual(["n/1", "n/2", "n/3"]);
    expect(await readFile(join(root, "n/1"), "utf8")).toBe("new");
    expect(await readdir(join(root, ".millrace/changes"))).toEqual([]);
  });

  it.each([0, 1, 2, 3, 4, 5])(
    "lists no artifact of several before all of it is there (%i steps)",
    async (steps) => {
      const artifacts = { "a 1": { "a/x": "1", "a/y": "2" }, "b 1": { b: "3" } };
      const change = new PreparedChange(root, false);
      await change.begin();
      const places: [string, string][] = [];
      for (const [part, [owner, content]] of Object.entries(artifacts).entries()) {
        const provenance = provenanceOf(owner, content);
        await fillWith(content)(change.placeOf(String(part)));
        await change.write(`${part}.json`, JSON.stringify(provenance));
        for (const path of Object.keys(content)) places.push([`${part}/${path}`, path]);
        places.push([`${part}.json`, provenancePath(provenance)]);
      }
      await change.commit({ put: places, remove: [] });
      const [token = ""] = await readdir(join(root, ".millrace/changes"));
      for (const [from, to] of places.slice(0, steps)) {
        await mkdir(dirname(join(root, to)), { recursive: true });
        await rename(join(root, ".millrace/changes", token, "content", from), join(root, to));
      }
      const store = await PackageStore.read(root);
      expect([...store.artifacts()].flatMap((artifact) => store.missing(artifact))).toEqual([]);
      await open();
      expect(await seen()).toEqual({ files: ["a/x", "a/y", "b"], packages: ["a 1", "b 1"] });
      expect(await readdir(join(root, ".millrace/changes"))).toEqual([]);
    },
  );

  it("is finished, too, when version 0.1 has committed it", async () => {
    await put("a 1", { "n/1": "old", o: "old" });
    const folder = join(root, ".millrace/changes/0123");
    await fillWith(files)(join(folder, "content"));
    const change = { v: 1, put: Object.keys(files), remove: ["o"] };
    await writeFile(join(folder, "change.json"), JSON.stringify(change));
    await open();
    expect((await seen()).files).toEqual(["n/1", "n/2", "n/3"]);
    expect(await readFile(join(root, "n/1"), "utf8")).toBe("new");
  });

  it("is not read again when it was killed while it cleared away what it had done", async () => {
    await put("a 1", { "n/1": "old" });
    await mkdir(join(root, ".millrace/changes/0123.done/content/n"), { recursive: true });
    expect(await hasUnfinishedChanges(root)).toBe(false);
    await open();
    expect((await seen()).files).toEqual(["n/1"]);
    expect(await readdir(join(root, ".millrace/changes"))).toEqual([]);
  });

  it("is told with its folder when a power cut has damaged it", async () => {
    await killedAfter(0);
    const [token = ""] = await readdir(join(root, ".millrace/changes"));
    await writeFile(join(root, ".millrace/changes", token, "change.json"), "");
    await expect(open()).rejects.toMatchObject({ code: "corrupt", message: expect.stringContaining(token) });
  });

  it("has never been when it was not committed, and is cleared away after a day", async () => {
    const change = new PreparedChange(root, false);
    await change.begin();
    await fillWith(files)(change.placeOf("0"));
    await open();
    expect((await seen()).files).toEqual([]);
    expect(await readdir(join(root, ".millrace/changes"))).toHaveLength(1);
    await PackageStore.open(root, Date.now() + 25 * 3_600_000);
    expect(await readdir(join(root, ".millrace/changes"))).toEqual([]);
  });
});
