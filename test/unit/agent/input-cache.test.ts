import { setMaxListeners } from "node:events";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { mkdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type ArtifactSource, InputCache } from "../../../agent/workspaces/input-cache.ts";
import { waitUntil } from "../../support/wait-until.ts";

let root: string;
/** Of somebody who does not give up. */
const never = new AbortController().signal;
setMaxListeners(0, never);

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "input-cache-"));
});

afterEach(() => {
  rmSync(root, { recursive: true, force: true });
});

test("fetches an artifact once for all that need it at the same time, and gives each its own read-only copy", async () => {
  const fetched: string[] = [];
  const large = Buffer.alloc(2 ** 20, "large");
  const cache = await InputCache.open(join(root, "cache"), {
    download: (digest, to) => {
      fetched.push(digest);
      mkdirSync(to);
      writeFileSync(join(to, "tool"), "content");
      symlinkSync("tool", join(to, "link"));
      mkdirSync(join(to, "a/b"), { recursive: true });
      writeFileSync(join(to, "a/b/large"), large);
      chmodSync(join(to, "tool"), 0o555);
      return Promise.resolve({ bytes: 7 });
    },
  });
  await Promise.all(["one", "two"].map((name) => cache.copyTo("d1", join(root, name), never)));
  expect(fetched).toEqual(["d1"]);
  expect(statSync(join(root, "one/tool")).mode & 0o777).toBe(0o555);
  expect(readlinkSync(join(root, "one/link"))).toBe("tool");
  expect(large.equals(readFileSync(join(root, "one/a/b/large")))).toBe(true);
  chmodSync(join(root, "one/tool"), 0o755);
  writeFileSync(join(root, "one/tool"), "spoilt");
  await cache.copyTo("d1", join(root, "three"), never);
  expect(readFileSync(join(root, "three/tool"), "utf8")).toBe("content");
  await cache.close();
});

/** Artifacts of one file each; notes what was fetched. */
function noting(fetched: string[]): ArtifactSource {
  return {
    download: (digest, to) => {
      fetched.push(digest);
      mkdirSync(to);
      writeFileSync(join(to, "file"), digest);
      return Promise.resolve({ bytes: 100 });
    },
  };
}

test("gives what was fetched to the only attempt that has asked for it, and keeps it for more of them", async () => {
  const fetched: string[] = [];
  const cache = await InputCache.open(join(root, "cache"), noting(fetched));
  expect(cache.expect("d1", "one")).toBe(false);
  await Promise.all([cache.prefetch("d1", never), cache.giveTo("d1", join(root, "one"), "one", never)]);
  expect(readdirSync(join(root, "cache"))).toEqual([]);
  writeFileSync(join(root, "one/file"), "spoilt");
  for (const attempt of ["two", "three", "four"]) {
    await cache.giveTo("d1", join(root, attempt), attempt, never);
    expect(readFileSync(join(root, attempt, "file"), "utf8")).toBe("d1");
  }
  expect(readdirSync(join(root, "cache"))).toEqual(["d1"]);
  expect(fetched).toEqual(["d1", "d1"]);
  await cache.close();
});

test("gives nothing away that another attempt waits for, or that others use", async () => {
  const fetched: string[] = [];
  const cache = await InputCache.open(join(root, "cache"), noting(fetched));
  cache.expect("d1", "one");
  cache.expect("d1", "two");
  await cache.giveTo("d1", join(root, "one"), "one", never);
  const { folder, release } = await cache.hold("d2", never);
  await cache.giveTo("d2", join(root, "three"), "three", never);
  // One attempt may need an artifact of two jobs.
  await Promise.all(["a", "b"].map((name) => cache.giveTo("d3", join(root, name), "four", never)));
  expect(["one", "three", "a", "b"].map((name) => readFileSync(join(root, name, "file"), "utf8"))).toEqual([
    "d1",
    "d2",
    "d3",
    "d3",
  ]);
  expect(readFileSync(join(folder, "file"), "utf8")).toBe("d2");
  expect(readdirSync(join(root, "cache"))).toEqual(expect.arrayContaining(["d1", "d2"]));
  expect(fetched).toEqual(["d1", "d2", "d3"]);
  release();
  await cache.close();
});

test("fetches few artifacts at a time, and in the end all that a job needs", async () => {
  let fetching = 0;
  let most = 0;
  const cache = await InputCache.open(join(root, "cache"), {
    download: async (digest, to) => {
      fetching += 1;
      most = Math.max(most, fetching);
      await mkdir(to);
      fetching -= 1;
      if (digest === "d7") throw new Error("broken");
      return { bytes: 0 };
    },
  });
  const digests = Array.from({ length: 100 }, (_, number) => `d${number}`);
  const copies = await Promise.allSettled(
    digests.map((digest) => cache.copyTo(digest, join(root, digest), never)),
  );
  expect(copies.flatMap(({ status }, number) => (status === "rejected" ? [number] : []))).toEqual([7]);
  expect(most).toBe(16);
  await cache.close();
});

test("tries a failed fetch again for the next who needs it", async () => {
  let isBroken = true;
  const cache = await InputCache.open(join(root, "cache"), {
    download: (_, to) => {
      if (isBroken) return Promise.reject(new Error("broken"));
      mkdirSync(to);
      return Promise.resolve({ bytes: 0 });
    },
  });
  void cache.prefetch("d1", never);
  await expect(cache.copyTo("d1", join(root, "one"), never)).rejects.toThrow("broken");
  isBroken = false;
  await cache.copyTo("d1", join(root, "one"), never);
  await cache.close();
});

test("keeps the cache under its limit, the least recently used going first", async () => {
  const cache = await InputCache.open(
    join(root, "cache"),
    {
      download: (digest, to) => {
        mkdirSync(to);
        writeFileSync(join(to, digest), "x".repeat(100));
        return Promise.resolve({ bytes: 100 });
      },
    },
    250,
  );
  for (const [index, digest] of ["a", "b", "a", "c"].entries()) {
    await cache.copyTo(digest, join(root, `copy-${index}`), never);
  }
  expect(readdirSync(join(root, "cache")).sort()).toEqual(["a", "c"]);
  await cache.close();
});

/** Downloads that come to their end when they are let, or given up. */
class SlowSource implements ArtifactSource {
  readonly begun: string[] = [];
  readonly givenUp: string[] = [];
  #finish: (() => void)[] = [];

  async download(
    digest: string,
    folder: string,
    { signal }: { signal: AbortSignal },
  ): Promise<{ bytes: number }> {
    this.begun.push(digest);
    await new Promise<void>((resolve, reject) => {
      this.#finish.push(resolve);
      signal.addEventListener("abort", () => {
        this.givenUp.push(digest);
        reject(signal.reason);
      });
    });
    await mkdir(folder);
    writeFileSync(join(folder, "file"), digest);
    return { bytes: digest.length };
  }

  finishAll(): void {
    for (const finish of this.#finish.splice(0)) finish();
  }
}

test("ends a fetch that its last user gives up, and begins it anew for the next one", async () => {
  const source = new SlowSource();
  const cache = await InputCache.open(join(root, "cache"), source);
  const user = new AbortController();
  const copy = cache.copyTo("d1", join(root, "one"), user.signal);
  user.abort(new Error("cancelled"));
  await expect(copy).rejects.toThrow("cancelled");
  expect(source.givenUp).toEqual(["d1"]);
  const next = cache.copyTo("d1", join(root, "two"), never);
  source.finishAll();
  await next;
  expect(source.begun).toEqual(["d1", "d1"]);
  expect(readdirSync(join(root, "cache"))).toEqual(["d1"]);
  expect(readdirSync(root).sort()).toEqual(["cache", "two"]);
  await cache.close();
});

test("goes on with a fetch that one of two users gives up, who does not wait for it", async () => {
  const source = new SlowSource();
  const cache = await InputCache.open(join(root, "cache"), source);
  const user = new AbortController();
  const given = cache.copyTo("d1", join(root, "one"), user.signal);
  const wanted = cache.copyTo("d1", join(root, "two"), never);
  user.abort(new Error("cancelled"));
  await expect(given).rejects.toThrow("cancelled");
  source.finishAll();
  await wanted;
  expect(source).toMatchObject({ begun: ["d1"], givenUp: [] });
  expect(readFileSync(join(root, "two/file"), "utf8")).toBe("d1");
  await cache.close();
});

test("what is fetched ahead for one who waits goes on when another gives up, and ends with the one", async () => {
  const source = new SlowSource();
  const cache = await InputCache.open(join(root, "cache"), source);
  const [runs, waits] = [new AbortController(), new AbortController()];
  const ahead = cache.prefetch("d1", waits.signal);
  const copy = cache.copyTo("d1", join(root, "one"), runs.signal);
  runs.abort(new Error("cancelled"));
  await expect(copy).rejects.toThrow("cancelled");
  expect(source.givenUp).toEqual([]);
  waits.abort();
  await ahead;
  expect(source.givenUp).toEqual(["d1"]);
  await cache.close();
});

test("one that is given up before its turn is never fetched, and takes no other's turn", async () => {
  const source = new SlowSource();
  const cache = await InputCache.open(join(root, "cache"), source);
  const user = new AbortController();
  const others = Array.from({ length: 17 }, (_, number) => `d${number}`);
  const copies = others.slice(0, 16).map((digest) => cache.copyTo(digest, join(root, digest), never));
  const given = cache.copyTo("given up", join(root, "given"), user.signal);
  const last = cache.copyTo("d16", join(root, "d16"), never);
  user.abort(new Error("cancelled"));
  await expect(given).rejects.toThrow("cancelled");
  source.finishAll();
  await Promise.all(copies);
  await waitUntil("the last one has its turn", () => source.begun.length === 17);
  source.finishAll();
  await last;
  expect(source.begun).toEqual(others);
  await cache.close();
});

test("closes while something is being fetched", async () => {
  const source = new SlowSource();
  const cache = await InputCache.open(join(root, "cache"), source);
  const copy = cache.copyTo("d1", join(root, "one"), never);
  await Promise.all([expect(copy).rejects.toThrow("aborted"), cache.close()]);
});
