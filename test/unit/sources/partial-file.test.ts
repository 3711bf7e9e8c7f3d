import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { PartialFile } from "../../../coordinator/sources/partial-file.ts";
import { type CachedSource, cachedSources } from "../../../coordinator/sources/source-cache.ts";

let cache: string;
const taken: PartialFile[] = [];
beforeEach(async () => {
  cache = await mkdtemp(join(tmpdir(), "millrace-partial-"));
});
afterEach(async () => {
  // Those that were left or finished are closed already.
  for (const partial of taken.splice(0)) await partial.leave().catch(() => {});
  await rm(cache, { recursive: true, force: true });
});

function zlib(hash = "0123456789abcdef0000"): CachedSource {
  const source = {
    id: "src",
    url: "https://zlib.net",
    hash: { type: "sha1", hash } as const,
    downloadManually: false,
  };
  return cachedSources(cache, [{ name: "zlib", version: "1.3", sources: [source] }])[0]!;
}

const now = (): number => Date.now();

async function take(cached: CachedSource, nowMs: number, pid = process.pid): Promise<PartialFile> {
  const partial = await PartialFile.take(cached, { nowMs, pid });
  taken.push(partial);
  return partial;
}

/** One who has brought some bytes. */
async function holder(text: string): Promise<PartialFile> {
  const partial = await take(zlib(), now());
  await partial.append(Buffer.from(text));
  return partial;
}

describe("a source that is half there", () => {
  it("is gone on with once it was left", async () => {
    await (await holder("half")).leave();
    const next = await take(zlib(), now());
    expect(next.size).toBe(4);
    await next.append(Buffer.from(" done"));
    await next.finish(zlib().path);
    expect(await readFile(zlib().path, "utf8")).toBe("half done");
    expect(await readdir(join(cache, "zlib-1.3"))).toEqual(["src.source"]);
  });

  it("goes to one only of those who want it", async () => {
    await (await holder("half")).leave();
    const takers = await Promise.all([1, 2, 3].map(() => take(zlib(), now())));
    expect(takers.map(({ size }) => size).sort()).toEqual([0, 0, 4]);
    for (const taker of takers) await taker.leave();
  });

  it("is left to its holder while he works on it, and taken from one that is gone", async () => {
    const killed = await holder("half");
    expect((await take(zlib(), now() + 60_000)).size).toBe(0);
    await killed.touch(new Date(now() + 100_000));
    expect((await take(zlib(), now() + 200_000)).size).toBe(0);
    expect((await take(zlib(), now() + 400_000)).size).toBe(4);
  });

  it("is taken at once from a process of this host that has ended", async () => {
    const other = spawn("cat");
    const ended = once(other, "exit");
    const held = await take(zlib(), now(), other.pid);
    await held.append(Buffer.from("half"));
    expect((await take(zlib(), now())).size).toBe(0);
    other.stdin.end();
    await ended;
    expect((await take(zlib(), now())).size).toBe(4);
  });

  it("is not gone on with for another hash, as it is another file by then", async () => {
    await (await holder("half")).leave();
    expect((await take(zlib("fedcba98765432100000"), now())).size).toBe(0);
  });

  it("leaves nothing where nothing has come", async () => {
    await (await holder("")).leave();
    expect(await readdir(join(cache, "zlib-1.3"))).toEqual([]);
  });
});
