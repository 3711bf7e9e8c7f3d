import { existsSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { type Header, pack } from "tar-stream";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { unpackOutputs } from "../../../agent/runners/unpacked-outputs.ts";

type Entry = Partial<Header> & { readonly name: string; readonly text?: string };

describe("the outputs of a container", () => {
  let root: string;
  let folder: string;

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "millrace-outputs-"));
    folder = join(root, "outputs");
  });
  afterEach(() => rmSync(root, { recursive: true }));

  async function unpack(entries: readonly Entry[]): Promise<void> {
    const tar = pack();
    for (const { text = "", ...header } of entries) tar.entry(header, text);
    tar.finalize();
    await unpackOutputs(tar as AsyncIterable<Uint8Array>, folder);
  }

  const top: Entry = { name: "outputs/", type: "directory" };

  it("are its files, folders and links, with the executable bit of their modes", async () => {
    await unpack([
      top,
      { name: "outputs/empty/", type: "directory" },
      { name: "outputs/deep/a", text: "a", mode: 0o4755 },
      { name: "outputs/b", text: "b", mode: 0o600 },
      { name: "outputs/link", type: "symlink", linkname: "deep/a" },
      { name: "outputs/same", type: "link", linkname: "outputs/b" },
    ]);
    expect(readdirSync(folder).sort()).toEqual(["b", "deep", "empty", "link", "same"]);
    expect(statSync(join(folder, "deep/a")).mode & 0o7777).toBe(0o755);
    expect(readlinkSync(join(folder, "link"))).toBe("deep/a");
    expect(readFileSync(join(folder, "same"), "utf8")).toBe("b");
  });

  it("may be none", async () => {
    await unpack([top]);
    expect(readdirSync(folder)).toEqual([]);
  });

  it.each<[string, readonly Entry[]]>([
    ["a path that leads out", [{ name: "outputs/../escaped", text: "x" }]],
    ["another folder", [{ name: "etc/passwd", text: "x" }]],
    ["an absolute path", [{ name: "/outputs/x", text: "x" }]],
    ["a pipe", [{ name: "outputs/pipe", type: "fifo" }]],
    ["a file instead of the folder", [{ name: "outputs", text: "x" }]],
    ["a link instead of the folder", [{ name: "outputs", type: "symlink", linkname: "/etc" }]],
    [
      "a hard link to what is not in it",
      [{ name: "outputs/x", type: "link", linkname: "outputs/../../etc/passwd" }],
    ],
    [
      "a path through a link",
      [
        { name: "outputs/l", type: "symlink", linkname: "../.." },
        { name: "outputs/l/escaped", text: "x" },
      ],
    ],
    [
      "a file twice",
      [
        { name: "outputs/x", text: "1" },
        { name: "outputs/x", text: "2" },
      ],
    ],
  ])("are refused with %s", async (_, entries) => {
    await expect(unpack([top, ...entries])).rejects.toMatchObject({ reason: "badOutput" });
    expect(existsSync(join(root, "escaped"))).toBe(false);
    expect(existsSync(join(tmpdir(), "escaped"))).toBe(false);
  });

  it("are refused when their tar ends too early", async () => {
    const tar = pack();
    tar.entry({ name: "outputs/x" }, "x".repeat(2_000));
    tar.finalize();
    const whole = await buffer(tar);
    const part = async function* () {
      yield whole.subarray(0, 1_000);
    };
    await expect(unpackOutputs(part(), folder)).rejects.toMatchObject({ code: "corrupt" });
  });
});
