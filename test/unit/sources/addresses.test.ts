import { describe, expect, it } from "vitest";
import { addressesOf, checkMirror } from "../../../coordinator/sources/addresses.ts";
import { pauseAfter, withoutPassword } from "../../../coordinator/sources/download.ts";
import { type CachedSource, cachedSources } from "../../../coordinator/sources/source-cache.ts";

const hash = { type: "sha1", hash: "ABCDEF" } as const;

function sourceAt(url: string, id = "src", name = "zlib"): CachedSource {
  const source = { id, url, hash, downloadManually: false };
  return cachedSources("/cache", [{ name, version: "1.3", sources: [source] }])[0]!;
}

const zlib = sourceAt("https://zlib.net/old/zlib-1.3.tar.gz?x=1");

describe("the addresses of a source", () => {
  it("are its own, then those of the mirrors", () => {
    const mirror = "https://m.example/{host}/{path}#{file}/{name}/{version}/{id}/{hashType}/{hash}";
    expect(addressesOf(zlib, [mirror])).toEqual([
      "https://zlib.net/old/zlib-1.3.tar.gz?x=1",
      "https://m.example/zlib.net/old/zlib-1.3.tar.gz#zlib-1.3.tar.gz/zlib/1.3/src/sha1/abcdef",
    ]);
  });

  it("have its own where a mirror is just {url}", () => {
    expect(addressesOf(zlib, ["https://m.example/{file}", "{url}"])).toEqual([
      "https://m.example/zlib-1.3.tar.gz",
      "https://zlib.net/old/zlib-1.3.tar.gz?x=1",
    ]);
  });

  it("are refused where they can't be fetched, with the name of the package", () => {
    expect(() => addressesOf(sourceAt("ftp://zlib.net/zlib.tar"), [])).toThrow(
      'source src of package zlib 1.3: "ftp://zlib.net/zlib.tar" is no http or https URL',
    );
  });

  it("tell the nearest placeholder for one that there is not", () => {
    expect(() => checkMirror("https://m.example/{flie}")).toThrow('did you mean "file"?');
    expect(() => checkMirror("m.example/{file}")).toThrow("no http or https URL");
    expect(checkMirror("{url}")).toBe("{url}");
  });

  it("are refused where a part of the path would run into the host's name", () => {
    expect(() => checkMirror("https://m.example{path}")).toThrow("{path} would be part of the host's name");
    expect(checkMirror("https://{host}.m.example:8080/{path}")).toBe("https://{host}.m.example:8080/{path}");
  });

  it("are shown without their password", () => {
    expect(withoutPassword("https://me:secret@m.example/x")).toBe("https://me:***@m.example/x");
  });
});

describe("the place of a source", () => {
  it("is in the cache, whatever its package is called", () => {
    expect(zlib.path).toBe("/cache/zlib-1.3/src.source");
    expect(() => sourceAt("https://x.example", "src", "../../etc")).toThrow("it holds a slash");
    expect(() => sourceAt("https://x.example", "../up")).toThrow("can't name a file");
  });
});

describe("two sources of one place", () => {
  const owner = (name: string, version: string, digits: string) => ({
    name,
    version,
    sources: [
      {
        id: "src",
        url: "https://x.example",
        hash: { type: "sha1", hash: digits } as const,
        downloadManually: false,
      },
    ],
  });

  it("are told when they differ, as one of them could never be right", () => {
    const alike = [owner("a", "1-2", "ab"), owner("a-1", "2", "AB")];
    expect(cachedSources("/cache", alike).map(({ path }) => path)).toEqual(
      Array(2).fill("/cache/a-1-2/src.source"),
    );
    expect(() => cachedSources("/cache", [owner("a", "1-2", "ab"), owner("a-1", "2", "cd")])).toThrow(
      "the sources a 1-2 src and a-1 2 src differ, and both belong at /cache/a-1-2/src.source",
    );
  });
});

describe("the pause after attempts that brought nothing", () => {
  it("doubles up to half a minute, and half of it is left to chance", () => {
    expect([1, 2, 3, 4].map((attempt) => pauseAfter(attempt, 1000, 1))).toEqual([1000, 2000, 4000, 8000]);
    expect(pauseAfter(3, 1000, 0)).toBe(2000);
    expect(pauseAfter(50, 1000, 1)).toBe(30_000);
  });
});
