import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { mkdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type AttemptRecord, recordOf } from "../../../agent/workspaces/attempt-record.ts";
import { InputCache } from "../../../agent/workspaces/input-cache.ts";
import { type Place, Workspaces } from "../../../agent/workspaces/workspaces.ts";
import { jobRequest } from "./request.ts";

let root: string;
let folder: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "workspaces-"));
  folder = join(root, "work");
});

afterEach(() => {
  rmSync(root, { recursive: true, force: true });
});

function record(): AttemptRecord {
  return recordOf(jobRequest(), "boot");
}

async function opened(): Promise<Workspaces> {
  return (await Workspaces.open(folder)).workspaces;
}

test("hands out an empty workspace that only its user can enter", async () => {
  const workspaces = await opened();
  const place = workspaces.take(record(), true);
  expect(readdirSync(place.work)).toEqual([]);
  expect(statSync(place.work).mode & 0o777).toBe(0o700);
  expect(existsSync(place.log)).toBe(false);
  await workspaces.release(place);
  await workspaces.close("free");
  expect(existsSync(folder)).toBe(false);
  expect(existsSync(place.control)).toBe(false);
});

test("uses a place again that was left empty, without its log and status", async () => {
  const workspaces = await opened();
  const place = workspaces.take(record(), true);
  writeFileSync(place.log, "output");
  writeFileSync(join(place.control, "status"), "0\n");
  await workspaces.release(place);
  const next = workspaces.take(record(), true);
  expect(next.number).toBe(place.number);
  expect(existsSync(next.log)).toBe(false);
  expect(existsSync(join(next.control, "status"))).toBe(false);
  await workspaces.close("everything");
});

test("does not use a place again whose inputs came though its command never ran", async () => {
  const workspaces = await opened();
  const place = workspaces.take(record(), false);
  mkdirSync(place.inputs);
  await workspaces.release(place);
  expect(workspaces.take(record(), true).number).not.toBe(place.number);
  await workspaces.close("everything");
});

test.each<[string, (place: Place) => void]>([
  ["left a file", (place) => writeFileSync(join(place.work, "file"), "")],
  ["changed the mode of its workspace", (place) => chmodSync(place.work, 0o777)],
  ["removed its workspace", (place) => rmSync(place.work, { recursive: true })],
  ["had inputs", (place) => mkdirSync(place.inputs)],
])("does not use a place again whose job %s", async (_, leave) => {
  const workspaces = await opened();
  const place = workspaces.take(record(), true);
  leave(place);
  writeFileSync(place.log, "");
  await workspaces.release(place);
  expect(workspaces.take(record(), true).number).not.toBe(place.number);
  expect(existsSync(place.root)).toBe(false);
  await workspaces.close("everything");
});

test("lists what an earlier process left, and removes what no attempt needs", async () => {
  const before = await opened();
  const kept = before.take(record(), true);
  const half = before.take(record(), true);
  rmSync(join(half.control, "attempt.json"));
  await before.close("free");
  const { workspaces, leftovers } = await Workspaces.open(folder);
  expect(leftovers.map(({ place }) => place.number)).toEqual([kept.number]);
  expect(existsSync(half.root)).toBe(false);
  expect(workspaces.take(record(), true).number).toBeGreaterThan(kept.number);
  await workspaces.close("everything");
  expect(existsSync(folder)).toBe(false);
});

test("removes trees with folders that forbid it", async () => {
  const workspaces = await opened();
  const place = workspaces.take(record(), true);
  mkdirSync(join(place.work, "a/b"), { recursive: true });
  writeFileSync(join(place.work, "a/b/c"), "");
  chmodSync(join(place.work, "a/b"), 0o500);
  chmodSync(join(place.work, "a"), 0o500);
  await workspaces.release(place);
  expect(existsSync(place.root)).toBe(false);
  await workspaces.close("everything");
});

test("removes control files of a work folder that is gone", async () => {
  const workspaces = await opened();
  const { control } = workspaces.take(record(), true);
  rmSync(folder, { recursive: true });
  const other = (await Workspaces.open(join(root, "other"))).workspaces;
  expect(existsSync(control)).toBe(false);
  await other.close("everything");
});

test("fetches an artifact once for all that need it at the same time, and gives each its own read-only copy", async () => {
  const fetched: string[] = [];
  const cache = await InputCache.open(join(root, "cache"), {
    download: (digest, to) => {
      fetched.push(digest);
      mkdirSync(to);
      writeFileSync(join(to, "tool"), "content");
      chmodSync(join(to, "tool"), 0o755);
      return Promise.resolve();
    },
  });
  await Promise.all(["one", "two"].map((name) => cache.copyTo("d1", join(root, name))));
  expect(fetched).toEqual(["d1"]);
  expect(statSync(join(root, "one/tool")).mode & 0o777).toBe(0o555);
  chmodSync(join(root, "one/tool"), 0o755);
  writeFileSync(join(root, "one/tool"), "spoilt");
  await cache.copyTo("d1", join(root, "three"));
  expect(readFileSync(join(root, "three/tool"), "utf8")).toBe("content");
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
    },
  });
  const digests = Array.from({ length: 100 }, (_, number) => `d${number}`);
  const copies = await Promise.allSettled(digests.map((digest) => cache.copyTo(digest, join(root, digest))));
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
      return Promise.resolve();
    },
  });
  cache.prefetch("d1");
  await expect(cache.copyTo("d1", join(root, "one"))).rejects.toThrow("broken");
  isBroken = false;
  await cache.copyTo("d1", join(root, "one"));
  await cache.close();
});

test("keeps the cache under its limit, the least recently used going first", async () => {
  const cache = await InputCache.open(
    join(root, "cache"),
    {
      download: (digest, to) => {
        mkdirSync(to);
        writeFileSync(join(to, digest), "x".repeat(100));
        return Promise.resolve();
      },
    },
    250,
  );
  for (const [index, digest] of ["a", "b", "a", "c"].entries()) {
    await cache.copyTo(digest, join(root, `copy-${index}`));
  }
  expect(readdirSync(join(root, "cache")).sort()).toEqual(["a", "c"]);
  await cache.close();
});
