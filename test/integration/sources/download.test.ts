import { createHash, randomBytes } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  type DownloadOutcome,
  type DownloadSettings,
  downloadSource,
} from "../../../coordinator/sources/download.ts";
import { type CachedSource, cachedSources } from "../../../coordinator/sources/source-cache.ts";
import { waitUntil } from "../../support/wait-until.ts";
import { cutAfter, file, redirect, SourceServer, stall, status } from "./source-server.ts";

const content = randomBytes(300_000);
const path = "/zlib-1.3.tar.gz";

let cache: string;
let server: SourceServer;

beforeEach(async () => {
  cache = await mkdtemp(join(tmpdir(), "millrace-sources-"));
  server = await SourceServer.start();
});
afterEach(async () => {
  await server.stop();
  await rm(cache, { recursive: true, force: true });
});

function zlib(more: { manual?: boolean; bytes?: Buffer; url?: string } = {}): CachedSource {
  const hash = createHash("sha256")
    .update(more.bytes ?? content)
    .digest("hex");
  const source = {
    id: "src",
    url: more.url ?? server.url(path),
    hash: { type: "sha256", hash },
    downloadManually: more.manual ?? false,
  } as const;
  return cachedSources(cache, [{ name: "zlib", version: "1.3", sources: [source] }])[0]!;
}

function fetchIt(cached: CachedSource, more: Partial<DownloadSettings> = {}): Promise<DownloadOutcome> {
  return downloadSource(cached, {
    mirrors: [],
    force: false,
    attempts: 3,
    firstPauseMs: 1,
    stallMs: 10_000,
    proxyFor: () => undefined,
    timeoutMs: undefined,
    signal: new AbortController().signal,
    onProgress: () => {},
    ...more,
  });
}

/** All that is in the source's folder, hidden files included. */
async function found(): Promise<string[]> {
  return await readdir(join(cache, "zlib-1.3")).catch(() => []);
}

describe("a download", () => {
  it("puts the verified file where butido has it, and nothing else", async () => {
    server.on(path, file(content));
    const cached = zlib();
    expect(await fetchIt(cached)).toMatchObject({ kind: "downloaded", bytes: 300_000, resumedAt: 0 });
    expect(cached.path).toBe(join(cache, "zlib-1.3", "src.source"));
    expect((await readFile(cached.path)).equals(content)).toBe(true);
    expect(await found()).toEqual(["src.source"]);
  });

  it("asks for nothing when the right file is there, unless it is forced to", async () => {
    server.on(path, file(content));
    await fetchIt(zlib());
    expect(await fetchIt(zlib())).toEqual({ kind: "present", bytes: 300_000 });
    expect(server.requests).toHaveLength(1);
    expect(await fetchIt(zlib(), { force: true })).toMatchObject({ kind: "downloaded" });
    expect(server.requests).toHaveLength(2);
  });

  it("replaces a file that is wrong, once the right one has come", async () => {
    const cached = zlib();
    server.on(path, status(404));
    await fetchIt(cached);
    await writeFile(cached.path, "old");
    expect(await fetchIt(cached)).toMatchObject({ kind: "failed" });
    expect(await readFile(cached.path, "utf8")).toBe("old");
    server.on(path, file(content));
    expect(await fetchIt(cached)).toMatchObject({ kind: "downloaded" });
    expect((await readFile(cached.path)).equals(content)).toBe(true);
  });

  it("goes on where the connection broke, however often, as long as it gets further", async () => {
    const cuts = Array.from({ length: 8 }, () => cutAfter(30_000, content));
    server.on(path, ...cuts, file(content));
    expect(await fetchIt(zlib(), { attempts: 2 })).toMatchObject({ kind: "downloaded" });
    const starts = server.requests.map(({ range }) => Number(/\d+/.exec(range ?? "0")?.[0]));
    expect(starts[0]).toBe(0);
    expect(starts).toEqual([...starts].sort((left, right) => left - right));
    expect(new Set(starts).size).toBeGreaterThan(5);
  });

  it("leaves what has come for the next command", async () => {
    server.on(path, cutAfter(100_000, content), status(404));
    expect(await fetchIt(zlib(), { attempts: 1 })).toMatchObject({ kind: "failed" });
    server.on(path, file(content));
    const outcome = await fetchIt(zlib());
    expect(outcome).toMatchObject({ kind: "downloaded", bytes: 300_000 });
    expect(outcome.kind === "downloaded" && outcome.resumedAt).toBeGreaterThan(0);
    expect(await found()).toEqual(["src.source"]);
  });

  it("begins again when another file is served by then", async () => {
    const other = randomBytes(300_000);
    server.on(path, cutAfter(100_000, other, '"old"'), file(content, '"new"'));
    expect(await fetchIt(zlib())).toMatchObject({ kind: "downloaded" });
  });

  it("begins again when what was left by an earlier command turns out to be wrong", async () => {
    const other = randomBytes(300_000);
    server.on(path, cutAfter(100_000, other));
    await fetchIt(zlib(), { attempts: 1 });
    server.on(path, file(content));
    expect(await fetchIt(zlib(), { attempts: 1 })).toMatchObject({ kind: "downloaded", resumedAt: 0 });
  });

  it("takes all of it from a server that knows no ranges", async () => {
    const whole = file(content);
    server.on(path, cutAfter(100_000, content), (request, response) => {
      delete request.headers.range;
      whole(request, response);
    });
    expect(await fetchIt(zlib())).toMatchObject({ kind: "downloaded" });
  });

  it("gives up a file that always breaks at the same place where there are no ranges", async () => {
    server.on(path, (_, response) => {
      response.writeHead(200, { "content-length": content.length });
      response.write(content.subarray(0, 1000), () => setImmediate(() => response.destroy()));
    });
    expect(await fetchIt(zlib())).toMatchObject({ kind: "failed" });
    expect(server.requests.length).toBeLessThanOrEqual(5);
  });

  it("keeps nothing of a file with another hash, and says which it has", async () => {
    server.on(path, file(Buffer.from("<html>log in</html>"), '"1"', { "content-type": "text/html" }));
    const outcome = await fetchIt(zlib());
    expect(outcome).toMatchObject({ kind: "failed" });
    expect(outcome.kind === "failed" && outcome.reason).toMatch(/its sha256 is [0-9a-f]{64}, not .*web page/);
    expect(server.requests).toHaveLength(1);
    expect(await found()).toEqual([]);
  });

  it("does not take a file for whole that is shorter than the server has said", async () => {
    server.on(path, (_, response) => {
      response.writeHead(200, { "content-length": content.length + 10 });
      response.write(content, () => setImmediate(() => response.destroy()));
    });
    expect(await fetchIt(zlib(), { attempts: 1 })).toMatchObject({ kind: "failed" });
  });

  it("takes the file as it is packed, also when the server calls the packing an encoding", async () => {
    const packed = gzipSync(content);
    server.on(path, file(packed, '"1"', { "content-encoding": "gzip" }));
    expect(await fetchIt(zlib({ bytes: packed }))).toMatchObject({ kind: "downloaded" });
  });

  it("follows redirects, but not round and round, and not out of HTTP", async () => {
    server.on(path, redirect("/elsewhere")).on("/elsewhere", file(content));
    expect(await fetchIt(zlib())).toMatchObject({ kind: "downloaded" });
    server.on("/loop", redirect("/loop"));
    const looping = await fetchIt(zlib({ url: server.url("/loop") }), { force: true });
    expect(looping).toMatchObject({ reason: expect.stringContaining("more than 10 redirects") });
    server.on("/out", redirect("file:///etc/passwd"));
    const leaving = await fetchIt(zlib({ url: server.url("/out") }), { force: true });
    expect(leaving).toMatchObject({ reason: expect.stringContaining("no http or https URL") });
  });

  it("goes to the mirror at once when the first address has not got it", async () => {
    server.on("/mirror/zlib/1.3/zlib-1.3.tar.gz", file(content));
    const mirrors = [server.url("/mirror/{name}/{version}/{file}")];
    expect(await fetchIt(zlib(), { mirrors, firstPauseMs: 60_000 })).toMatchObject({
      kind: "downloaded",
      from: server.url("/mirror/zlib/1.3/zlib-1.3.tar.gz"),
    });
  });

  it("goes on from a mirror with what the first address has begun", async () => {
    server.on(path, cutAfter(100_000, content)).on("/m", file(content, '"other"'));
    expect(await fetchIt(zlib(), { mirrors: [server.url("/m")], attempts: 1 })).toMatchObject({
      kind: "downloaded",
    });
    expect(server.requests[1]?.range).toMatch(/^bytes=[1-9]\d*-$/);
  });

  it("comes back to a server that is busy, not to one that refuses", async () => {
    server.on(path, status(503), status(429), file(content));
    expect(await fetchIt(zlib())).toMatchObject({ kind: "downloaded" });
    server.on("/forbidden", status(403));
    const refused = await fetchIt(zlib({ url: server.url("/forbidden") }), { force: true });
    expect(refused).toMatchObject({ reason: expect.stringContaining("the server answered 403") });
    expect(server.requests.filter((request) => request.path === "/forbidden")).toHaveLength(1);
  });

  it("ends a request that stands still, and a source that takes longer than it may", async () => {
    server.on(path, stall(content.subarray(0, 1000)));
    const stalled = await fetchIt(zlib(), { attempts: 1, stallMs: 100 });
    expect(stalled).toMatchObject({ reason: expect.stringContaining("nothing came for 0.1 s") });
    const late = await fetchIt(zlib(), { timeoutMs: 100 });
    expect(late).toEqual({ kind: "failed", reason: "not done within 0.1 s" });
  });

  it("tells what its addresses said when its time runs out between two attempts", async () => {
    server.on(path, status(503));
    expect(await fetchIt(zlib(), { timeoutMs: 300, firstPauseMs: 60_000 })).toEqual({
      kind: "failed",
      reason: `not done within 0.3 s; ${server.url(path)}: the server answered 503`,
    });
  });

  it("does not touch what a person has to fetch, unless it is there and right", async () => {
    server.on(path, file(content));
    expect(await fetchIt(zlib({ manual: true }))).toEqual({ kind: "manual", found: { kind: "missing" } });
    expect(server.requests).toEqual([]);
    await fetchIt(zlib());
    expect(await fetchIt(zlib({ manual: true }))).toMatchObject({ kind: "present" });
    expect(await fetchIt(zlib({ manual: true }), { force: true })).toMatchObject({ kind: "present" });
  });

  it("tells a person who has fetched another file what is there", async () => {
    server.on(path, file(content));
    await fetchIt(zlib());
    const other = zlib({ manual: true, bytes: Buffer.from("another release") });
    expect(await fetchIt(other)).toMatchObject({
      kind: "manual",
      found: { kind: "wrong", bytes: content.length, actual: zlib().source.hash.hash },
    });
  });

  it("stops when it is interrupted, and leaves what has come", async () => {
    server.on(path, stall(content.subarray(0, 50_000)));
    const interruption = new AbortController();
    let received = 0;
    const download = fetchIt(zlib(), {
      signal: interruption.signal,
      onProgress: (_, bytes) => {
        received = bytes;
      },
    });
    await waitUntil("bytes have come", () => received === 50_000);
    interruption.abort(new Error("enough"));
    await expect(download).rejects.toThrow("enough");
    expect(await found()).toEqual([expect.stringMatching(/^\.src\.source\.[0-9a-f]{16}\.part$/)]);
  });

  it("is whole when two commands fetch the same source at once", async () => {
    server.on(path, cutAfter(100_000, content), file(content));
    const outcomes = await Promise.all([fetchIt(zlib()), fetchIt(zlib()), fetchIt(zlib())]);
    for (const outcome of outcomes) expect(outcome.kind).toMatch(/downloaded|present/);
    expect(await found()).toEqual(["src.source"]);
  });
});
