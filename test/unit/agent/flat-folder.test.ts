import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FlatFolder } from "../../../agent/workspaces/flat-folder.ts";
import { listFolder } from "../../../agent/workspaces/folder-listing.ts";

const { signal } = new AbortController();

describe("a folder that several artifacts share", () => {
  let root: string;
  let target: string;
  let flat: FlatFolder;
  let count = 0;

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "millrace-flat-"));
    target = join(root, "inputs");
    mkdirSync(target);
    flat = new FlatFolder(target, "copies");
  });
  afterEach(() => rmSync(root, { recursive: true }));

  async function add(folder: string, origin: string): Promise<void> {
    await flat.add(folder, await listFolder(folder), origin, signal);
  }

  /** A folder with these files; a text that begins with `->` makes a link. */
  function artifact(files: Record<string, string>): string {
    count += 1;
    const folder = join(root, `artifact-${count}`);
    mkdirSync(folder);
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      if (text.startsWith("->")) symlinkSync(text.slice(2), join(folder, name));
      else writeFileSync(join(folder, name), text);
    }
    return folder;
  }

  it("has the files of all of them, in their folders, links and modes kept", async () => {
    const one = artifact({ "a.pkg": "a", "lib/x": "x", link: "->lib/x" });
    chmodSync(join(one, "a.pkg"), 0o755);
    await add(one, "one");
    await add(artifact({ "b.pkg": "b", "lib/y": "y" }), "two");
    expect(readdirSync(target).sort()).toEqual(["a.pkg", "b.pkg", "lib", "link"]);
    expect(readFileSync(join(target, "lib/y"), "utf8")).toBe("y");
    expect(readlinkSync(join(target, "link"))).toBe("lib/x");
    expect(lstatSync(join(target, "a.pkg")).mode & 0o111).toBe(0o111);
  });

  it("takes the same file from two of them once", async () => {
    await add(artifact({ same: "s".repeat(200_000), link: "->same" }), "one");
    await add(artifact({ same: "s".repeat(200_000), link: "->same" }), "two");
    expect(readFileSync(join(target, "same"), "utf8")).toHaveLength(200_000);
  });

  it.each([
    ["other bytes", { "lib/x": "x" }, { "lib/x": "z" }],
    ["a longer file", { "lib/x": "x" }, { "lib/x": "xx" }],
    ["another end", { "lib/x": `${"y".repeat(70_000)}1` }, { "lib/x": `${"y".repeat(70_000)}2` }],
    ["another link", { "lib/x": "->y" }, { "lib/x": "->z" }],
    ["a link instead of a file", { "lib/x": "x" }, { "lib/x": "->z" }],
    ["a folder instead of a file", { "lib/x": "x" }, { "lib/x/y": "y" }],
    ["a file instead of a folder", { "lib/x/y": "y" }, { "lib/x": "x" }],
  ])("names both when they differ by %s", async (_, first, second) => {
    await add(artifact(first), "the artifact of one");
    const clash = add(artifact(second), "the artifact of two");
    await expect(clash).rejects.toThrow(
      /^lib\/x(\/y)? comes from the artifact of one and, with another content, from the artifact of two$/,
    );
  });

  it("does not follow a link of one of them to where another one's file would go", async () => {
    const outside = join(root, "outside");
    mkdirSync(outside);
    await add(artifact({ lib: "->../outside" }), "one");
    await expect(add(artifact({ "lib/x": "x" }), "two")).rejects.toThrow(/comes from one/);
    expect(readdirSync(outside)).toEqual([]);
  });

  it("stops where it is no longer wanted", async () => {
    await expect(
      flat.add(artifact({ a: "a" }), [{ path: "a", kind: "file" }], "one", AbortSignal.abort()),
    ).rejects.toThrow();
    expect(readdirSync(target)).toEqual([]);
  });
});
