import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { chmod, mkdir, mkdtemp, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pack } from "tar-stream";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ArtifactStore } from "../../../shared/store/artifact-store.ts";
import {
  encodeManifest,
  type ManifestEntry,
  makeManifest,
  manifestDigest,
} from "../../../shared/store/manifest.ts";
import { MemoryObjects } from "./memory-objects.ts";

let folder: string;
let root: string;
let objects: MemoryObjects;
let store: ArtifactStore;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "millrace-artifacts-"));
  root = join(folder, "workspace");
  await mkdir(root);
  objects = new MemoryObjects();
  store = new ArtifactStore(objects);
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

async function file(path: string, content: string | Buffer = path): Promise<void> {
  await mkdir(dirname(join(root, path)), { recursive: true });
  await writeFile(join(root, path), content);
}

async function paths(...patterns: string[]): Promise<string[]> {
  const artifact = await store.upload(root, patterns);
  return (await store.manifest(artifact?.digest ?? "")).entries.map((entry) => entry.path);
}

describe("collecting outputs", () => {
  beforeEach(async () => {
    for (const path of ["a.o", "b.c", "src/x.o", "src/deep/y.o", "src/.hidden", ".config/z", "[odd]*"]) {
      await file(path);
    }
    await mkdir(join(root, "empty"));
  });

  it.each([
    [["a.o"], ["a.o"]],
    [["./a.o"], ["a.o"]],
    [["*.o"], ["a.o"]],
    [["**/*.o"], ["a.o", "src/deep/y.o", "src/x.o"]],
    [["*.{o,c}"], ["a.o", "b.c"]],
    [["src"], ["src/.hidden", "src/deep/y.o", "src/x.o"]],
    [["src/"], ["src/.hidden", "src/deep/y.o", "src/x.o"]],
    [["s*"], ["src/.hidden", "src/deep/y.o", "src/x.o"]],
    [["src/*"], ["src/deep/y.o", "src/x.o"]],
    [["src/.*"], ["src/.hidden"]],
    [["*/*/*.o"], ["src/deep/y.o"]],
    [[".config"], [".config/z"]],
    [["*"], ["[odd]*", "a.o", "b.c", "empty", "src/.hidden", "src/deep/y.o", "src/x.o"]],
    [["\\[odd\\]\\*"], ["[odd]*"]],
    [["empty"], ["empty"]],
    [
      ["a.o", "*.o", "src/x.o", "src"],
      ["a.o", "src/.hidden", "src/deep/y.o", "src/x.o"],
    ],
  ])("takes what %j names", async (patterns, expected) => {
    expect(await paths(...patterns)).toEqual(expected);
  });

  it("takes the whole workspace as .", async () => {
    expect(await paths(".")).toContain(".config/z");
  });

  it.each(["none", "none/*.o", "*.none", "a.o/below", "src/*.c", `${"n".repeat(300)}`])(
    "fails when %s matches nothing, and names it",
    async (pattern) => {
      await expect(store.upload(root, ["a.o", pattern])).rejects.toMatchObject({
        reason: "missingOutput",
        message: expect.stringContaining(pattern),
      });
    },
  );

  it.each(["/etc/passwd", "../x", "src/../../x", ""])("refuses the pattern %j", async (pattern) => {
    await expect(store.upload(root, [pattern])).rejects.toMatchObject({ reason: "badOutput" });
  });

  it("has no artifact without patterns", async () => {
    expect(await store.upload(root, [])).toBeNull();
    expect(objects.stored.size).toBe(0);
  });

  it("keeps links as links, dangling ones too", async () => {
    await symlink("x.o", join(root, "src/link"));
    await symlink("../src", join(root, "src/up"));
    await symlink("nowhere", join(root, "dangling"));
    const artifact = await store.upload(root, ["src", "dangling"]);
    await store.download(artifact?.digest ?? "", join(folder, "out"));
    expect(readlinkSync(join(folder, "out/src/link"))).toBe("x.o");
    expect(readlinkSync(join(folder, "out/src/up"))).toBe("../src");
    expect(readlinkSync(join(folder, "out/dangling"))).toBe("nowhere");
  });

  it("makes files read-only where it is told to, whatever the umask, and says how much there is", async () => {
    await chmod(join(root, "src/x.o"), 0o755);
    const artifact = await store.upload(root, ["src"]);
    const umask = process.umask(0o077);
    try {
      const found = await store.download(artifact?.digest ?? "", join(folder, "out"), { isReadOnly: true });
      expect(found).toEqual(artifact);
    } finally {
      process.umask(umask);
    }
    const modes = ["x.o", "deep/y.o"].map((name) => lstatSync(join(folder, "out/src", name)).mode & 0o777);
    expect(modes).toEqual([0o555, 0o444]);
  });

  it.each(["/etc/passwd", "..", "../x", "src/../../x", "src/../a.o"])(
    "refuses a link to %s and names it",
    async (target) => {
      await symlink(target, join(root, "bad"));
      await expect(store.upload(root, ["bad"])).rejects.toMatchObject({
        reason: "badOutput",
        message: expect.stringContaining("bad"),
      });
    },
  );

  it.each(["link/x.o", "link/*.o"])("does not look through a link for %s", async (pattern) => {
    await symlink("src", join(root, "link"));
    await expect(store.upload(root, [pattern])).rejects.toMatchObject({ reason: expect.any(String) });
  });

  it("refuses pipes and sockets, also inside a folder", async () => {
    execFileSync("mkfifo", [join(root, "src/pipe")]);
    await expect(store.upload(root, ["src"])).rejects.toMatchObject({ reason: "badOutput" });
    const server = createServer().listen(join(root, "socket"));
    await new Promise((resolve) => server.once("listening", resolve));
    await expect(store.upload(root, ["s*t"])).rejects.toMatchObject({ reason: "badOutput" });
    await new Promise((resolve) => server.close(resolve));
  });
});

describe("an artifact", () => {
  it("has the same digest whatever the times, and another one for other content, bit or path", async () => {
    await file("f", "content");
    const digest = async () => (await store.upload(root, ["."]))?.digest;
    const first = await digest();
    await utimes(join(root, "f"), 1, 1);
    expect(await digest()).toBe(first);
    await chmod(join(root, "f"), 0o755);
    const executable = await digest();
    await file("f", "CONTENT");
    const altered = await digest();
    await file("g", "");
    expect(new Set([first, executable, altered, await digest()]).size).toBe(4);
  });

  it("comes back with contents, executable bits and empty folders", async () => {
    const large = randomBytes(3_000_000);
    const long = `${"d".repeat(120)}/${"n".repeat(200)}`;
    await file("large", large);
    await file("tool", "#!/bin/sh\n");
    await file("empty file", "");
    await file(long, "long");
    await file("ünï/日本", "wide");
    await chmod(join(root, "tool"), 0o750);
    await mkdir(join(root, "empty"));
    const artifact = await store.upload(root, ["."]);
    expect(artifact).toMatchObject({ files: 6, bytes: large.length + 10 + 4 + 4 });
    const out = join(folder, "deep/er/out");
    await store.download(artifact?.digest ?? "", out);
    expect(readFileSync(join(out, "large")).equals(large)).toBe(true);
    expect(readFileSync(join(out, long)).toString()).toBe("long");
    expect(readFileSync(join(out, "ünï/日本")).toString()).toBe("wide");
    expect(lstatSync(join(out, "tool")).mode & 0o100).toBe(0o100);
    expect(lstatSync(join(out, "large")).mode & 0o111).toBe(0);
    expect(readdirSync(join(out, "empty"))).toEqual([]);
    expect(readdirSync(dirname(out))).toEqual(["out"]);
  });

  it("is a tar that tar itself unpacks", async () => {
    const long = `${"d".repeat(120)}/ü`;
    await file(long, "long");
    await file("f", randomBytes(1000));
    await symlink(long, join(root, "link"));
    const artifact = await store.upload(root, ["."]);
    const tar = objects.stored.get(`artifact/${artifact?.digest}`) as Buffer;
    await mkdir(join(folder, "by-tar"));
    execFileSync("tar", ["-xf", "-", "-C", join(folder, "by-tar")], { input: tar });
    execFileSync("diff", ["-r", "--no-dereference", root, join(folder, "by-tar")]);
  });

  it("can be read file by file", async () => {
    const large = randomBytes(600_000);
    await file("a", "first");
    await file("b/large", large);
    const { digest } = (await store.upload(root, ["*"])) as { digest: string };
    const pieces: Uint8Array[] = [];
    for await (const piece of store.open(digest, "b/large")) pieces.push(piece);
    expect(Buffer.concat(pieces).equals(large)).toBe(true);
    await expect(store.open(digest, "b").next()).rejects.toMatchObject({ code: "notFound" });
  });

  it("is not stored when a file changes between the two readings", async () => {
    const content = Buffer.alloc(1_000_000, "a");
    await file("f", content);
    class Meddling extends MemoryObjects {
      override async put(...[name, make]: Parameters<MemoryObjects["put"]>) {
        if (name.startsWith("artifact/")) await file("f", Buffer.alloc(1_000_000, "b"));
        return await super.put(name, make);
      }
    }
    await expect(new ArtifactStore(new Meddling()).upload(root, ["f"])).rejects.toMatchObject({
      reason: "badOutput",
      message: expect.stringContaining("changed"),
    });
  });

  it("is not unpacked over files that are there", async () => {
    await file("f");
    const { digest } = (await store.upload(root, ["f"])) as { digest: string };
    await expect(store.download(digest, root)).rejects.toMatchObject({ code: "conflict" });
    expect(readFileSync(join(root, "f")).toString()).toBe("f");
    expect(readdirSync(folder)).toEqual(["workspace"]);
  });

  it("is corrupt when a byte of it differs, and leaves nothing behind", async () => {
    await file("f", "content");
    const { digest } = (await store.upload(root, ["f"])) as { digest: string };
    const tar = objects.stored.get(`artifact/${digest}`) as Buffer;
    tar[512] = 0;
    await expect(store.download(digest, join(folder, "out"))).rejects.toMatchObject({ code: "corrupt" });
    await expect(
      store
        .open(digest, "f")
        .next()
        .then(async () => {
          for await (const _ of store.open(digest, "f"));
        }),
    ).rejects.toMatchObject({ code: "corrupt" });
    expect(readdirSync(folder)).toEqual(["workspace"]);
  });

  it("leaves no file open, whole or damaged", async () => {
    for (let index = 0; index < 20; index++) await file(`small${index}`);
    await file("large", randomBytes(300_000));
    const { digest } = (await store.upload(root, ["."])) as { digest: string };
    const open = (): number => readdirSync("/proc/self/fd").length;
    const before = open();
    await store.download(digest, join(folder, "out"));
    const tar = objects.stored.get(`artifact/${digest}`) as Buffer;
    objects.stored.set(`artifact/${digest}`, tar.subarray(0, tar.length - 20_000));
    await expect(store.download(digest, join(folder, "cut"))).rejects.toMatchObject({ code: "corrupt" });
    // Others in this process may open one or two meanwhile.
    expect(open()).toBeLessThan(before + 10);
  });

  it("is corrupt when it is cut off", async () => {
    await file("f", randomBytes(10_000));
    const { digest } = (await store.upload(root, ["f"])) as { digest: string };
    const tar = objects.stored.get(`artifact/${digest}`) as Buffer;
    objects.stored.set(`artifact/${digest}`, tar.subarray(0, 5000));
    await expect(store.download(digest, join(folder, "out"))).rejects.toMatchObject({ code: "corrupt" });
    expect(readdirSync(folder)).toEqual(["workspace"]);
  });

  it("is corrupt by its name when it is no tar any more", async () => {
    await file("f", "content");
    const { digest } = (await store.upload(root, ["f"])) as { digest: string };
    const tar = objects.stored.get(`artifact/${digest}`) as Buffer;
    objects.stored.set(`artifact/${digest}`, Buffer.from(tar.map((byte) => byte ^ 1)));
    await expect(store.download(digest, join(folder, "out"))).rejects.toMatchObject({
      code: "corrupt",
      message: expect.stringContaining(digest),
    });
    expect(readdirSync(folder)).toEqual(["workspace"]);
  });
});

describe("an artifact made by an enemy", () => {
  type Entry = { name: string; linkname?: string; type?: "file" | "symlink" | "link" | "fifo" | "directory" };

  /** Stores a tar under the digest that its entries, taken as they are, would have. */
  async function plant(...entries: Entry[]): Promise<string> {
    const tar = pack();
    for (const entry of entries) tar.entry({ ...entry }, entry.linkname === undefined ? "evil" : "");
    tar.finalize();
    const pieces: Uint8Array[] = [];
    for await (const piece of tar) pieces.push(piece as Uint8Array);
    const listed = entries.map(({ name, linkname }): ManifestEntry => {
      if (linkname !== undefined) return { path: name, type: "link", target: linkname };
      return {
        path: name,
        type: "file",
        executable: false,
        size: 4,
        sha256: manifestDigest(Buffer.from("evil")),
      };
    });
    const digest = manifestDigest(encodeManifest({ v: 1, entries: listed }));
    objects.stored.set(`artifact/${digest}`, Buffer.concat(pieces));
    objects.stored.set(`manifest/${digest}`, Buffer.from(encodeManifest({ v: 1, entries: listed })));
    return digest;
  }

  it.each<[string, Entry[]]>([
    ["an absolute path", [{ name: "/tmp/evil" }]],
    ["a path above", [{ name: "../evil" }]],
    ["a path above, later", [{ name: "a/../../evil" }]],
    ["the folder itself", [{ name: "." }]],
    ["a file through a link", [{ name: "a", linkname: "..", type: "symlink" }, { name: "a/evil" }]],
    ["a link to above", [{ name: "a", linkname: "../x", type: "symlink" }]],
    ["a link to anywhere", [{ name: "a", linkname: "/etc", type: "symlink" }]],
    ["a link that goes up after down", [{ name: "a", linkname: "b/../../..", type: "symlink" }]],
    ["an entry twice", [{ name: "a" }, { name: "a" }]],
    ["a link over a file", [{ name: "a" }, { name: "a", linkname: "b", type: "symlink" }]],
    ["a file below a file", [{ name: "a" }, { name: "a/b" }]],
    ["a hard link", [{ name: "a", linkname: "/etc/passwd", type: "link" }]],
    ["a pipe", [{ name: "a", linkname: "", type: "fifo" }]],
  ])("with %s is refused, writes nothing outside, and leaves nothing", async (_what, entries) => {
    const digest = await plant(...entries);
    await expect(store.download(digest, join(folder, "out"))).rejects.toMatchObject({ code: "corrupt" });
    await expect(store.manifest(digest)).rejects.toMatchObject({ code: "corrupt" });
    expect(readdirSync(folder)).toEqual(["workspace"]);
  });

  it("is refused as a manifest that is not in canonical form", async () => {
    const entry = { path: "f", type: "file", executable: false, size: 0, sha256: "0".repeat(64) } as const;
    const store_ = (text: string) => {
      const digest = manifestDigest(Buffer.from(text));
      objects.stored.set(`manifest/${digest}`, Buffer.from(text));
      return store.manifest(digest);
    };
    await expect(store_(`{"v":1,"entries":[${JSON.stringify({ ...entry, more: 1 })}]}`)).rejects.toThrow();
    await expect(store_("[]")).rejects.toThrow();
    expect(await store_(JSON.stringify(makeManifest([entry])))).toEqual(makeManifest([entry]));
  });
});
