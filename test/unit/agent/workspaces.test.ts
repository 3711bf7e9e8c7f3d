import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type AttemptRecord, recordOf } from "../../../agent/workspaces/attempt-record.ts";
import { ControlFiles } from "../../../agent/workspaces/control-files.ts";
import type { Place } from "../../../agent/workspaces/place.ts";
import { type Login, mayBeCleared } from "../../../agent/workspaces/ram-folder.ts";
import { type Leftover, Workspaces } from "../../../agent/workspaces/workspaces.ts";
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

function open(
  path = folder,
  onControlLost: (path: string) => void = () => {},
): Promise<{ workspaces: Workspaces; leftovers: Leftover[] }> {
  return Workspaces.open(path, { controlFiles: new ControlFiles(), onControlLost });
}

async function opened(): Promise<Workspaces> {
  return (await open()).workspaces;
}

/** Gives a place back of whose attempt nothing is left. */
function release(workspaces: Workspaces, place: Place): Promise<void> {
  return workspaces.release(place, { isPlain: true, hasOutput: true, isQuiet: Promise.resolve(true) });
}

test("hands out an empty workspace that only its user can enter", async () => {
  const workspaces = await opened();
  const place = workspaces.take(record(), true);
  expect(readdirSync(place.work)).toEqual([]);
  expect(statSync(place.work).mode & 0o777).toBe(0o700);
  expect(existsSync(place.log)).toBe(false);
  await release(workspaces, place);
  await workspaces.close("free");
  expect(existsSync(folder)).toBe(false);
  expect(existsSync(place.control)).toBe(false);
});

test("uses a place again that was left empty, without its log", async () => {
  const workspaces = await opened();
  const place = workspaces.take(record(), true);
  writeFileSync(place.log, "output");
  await release(workspaces, place);
  const next = workspaces.take(record(), true);
  expect(next.number).toBe(place.number);
  expect(statSync(next.log, { throwIfNoEntry: false })?.size ?? 0).toBe(0);
  await workspaces.close("everything");
});

test("does not use a place again in which a job was busy beside its workspace", async () => {
  const workspaces = await opened();
  const place = workspaces.take(record(), true);
  writeFileSync(join(place.root, "beside"), "");
  rmSync(join(place.root, "beside"));
  await release(workspaces, place);
  expect(existsSync(place.root)).toBe(false);
  expect(workspaces.take(record(), true).number).not.toBe(place.number);
  await workspaces.close("everything");
});

test("uses a place again in which a job has cleaned up", async () => {
  const workspaces = await opened();
  const numbers: number[] = [];
  for (let use = 0; use < 3; use += 1) {
    const place = workspaces.take(record(), true);
    numbers.push(place.number);
    writeFileSync(join(place.work, "scratch"), "");
    rmSync(join(place.work, "scratch"));
    await release(workspaces, place);
  }
  const place = workspaces.take(record(), true);
  writeFileSync(join(place.work, "left"), "");
  utimesSync(place.work, 1, 1);
  await release(workspaces, place);
  numbers.push(place.number, workspaces.take(record(), true).number);
  const [first] = numbers;
  expect(numbers.map((number) => number === first)).toEqual([true, true, true, true, false]);
  await workspaces.close("everything");
});

test("finds the log of an attempt where its record says it is", async () => {
  const before = await opened();
  const first = before.take(record(), true);
  writeFileSync(first.log, "output");
  await before.release(first, { isPlain: true, hasOutput: true, isQuiet: Promise.resolve(false) });
  const second = before.take(record(), true);
  writeFileSync(second.log, "more");
  before.ending(second, { kind: "cancelled" });
  await before.close("free");
  const { workspaces, leftovers } = await open();
  expect(leftovers.map(({ place }) => place.log)).toEqual([second.log]);
  expect(readFileSync(second.log, "utf8")).toBe("more");
  expect(existsSync(first.log)).toBe(false);
  await workspaces.close("everything");
});

test("does not use a place again whose inputs came though its command never ran", async () => {
  const workspaces = await opened();
  const place = workspaces.take(record(), false);
  mkdirSync(place.inputs);
  await release(workspaces, place);
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
  await release(workspaces, place);
  expect(workspaces.take(record(), true).number).not.toBe(place.number);
  expect(existsSync(place.root)).toBe(false);
  await workspaces.close("everything");
});

test("does not use a place again with control files that others would not have", async () => {
  const workspaces = await opened();
  const place = workspaces.take(record(), true);
  writeFileSync(join(place.control, "log-released"), "{}");
  await workspaces.release(place, { isPlain: false, hasOutput: false, isQuiet: Promise.resolve(true) });
  expect(existsSync(place.control)).toBe(false);
  expect(workspaces.take(record(), true).number).not.toBe(place.number);
  await workspaces.close("everything");
});

test("lists what an earlier process left, and removes what no attempt needs", async () => {
  const before = await opened();
  const kept = before.take(record(), true);
  const half = before.take(record(), true);
  rmSync(join(half.control, "attempt.json"));
  await before.close("free");
  const { workspaces, leftovers } = await open();
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
  await release(workspaces, place);
  expect(existsSync(place.root)).toBe(false);
  await workspaces.close("everything");
});

test("removes control files of a work folder that is gone", async () => {
  const workspaces = await opened();
  const { control } = workspaces.take(record(), true);
  rmSync(folder, { recursive: true });
  const other = (await open(join(root, "other"))).workspaces;
  expect(existsSync(control)).toBe(false);
  await other.close("everything");
});

test("leaves control files alone whose work folder is not written down yet", async () => {
  const workspaces = await opened();
  const { control } = workspaces.take(record(), true);
  const owner = join(workspaces.controlFolder, "work-folder");
  expect(readFileSync(owner, "utf8")).toBe(folder);
  writeFileSync(owner, "");
  const other = (await open(join(root, "other"))).workspaces;
  expect(existsSync(control)).toBe(true);
  await other.close("everything");
  writeFileSync(owner, folder);
  await workspaces.close("everything");
  expect(existsSync(workspaces.controlFolder)).toBe(false);
});

describe("control files that somebody else removes", () => {
  test("are missed, told of once, and have a folder again in which what runs leaves its status", async () => {
    const lost: string[] = [];
    const { workspaces } = await open(folder, (path) => lost.push(path));
    const [running, ended] = [workspaces.take(record(), true), workspaces.take(record(), true)];
    await release(workspaces, ended);
    expect(workspaces.mendControl()).toBe(false);
    rmSync(workspaces.controlFolder, { recursive: true });
    expect(workspaces.mendControl()).toBe(true);
    expect(workspaces.mendControl()).toBe(false);
    expect(lost).toEqual([workspaces.controlFolder]);
    expect(readdirSync(running.control)).toEqual([]);
    expect(existsSync(ended.root)).toBe(false);
    await release(workspaces, running);
    await workspaces.close("everything");
    expect(existsSync(folder)).toBe(false);
  });

  test("are made anew for the next attempt at once", async () => {
    const workspaces = await opened();
    rmSync(workspaces.controlFolder, { recursive: true });
    const place = workspaces.take(record(), true);
    expect(readdirSync(place.control)).toEqual(["attempt.json"]);
    await workspaces.close("everything");
  });

  test("are other records: nobody may conclude that what they lack never began", async () => {
    const before = await opened();
    before.take(record(), true);
    rmSync(before.controlFolder, { recursive: true });
    const after = before.take(record(), true);
    await before.close("free");
    const { workspaces, leftovers } = await open();
    expect(leftovers.map(({ place }) => place.number)).toEqual([after.number]);
    expect(workspaces.recordsId).not.toBe(before.recordsId);
    await workspaces.close("everything");
  });
});

const normalUser: Login = { uid: 1000, hasLogind: true, lingers: false, isInSession: false };

test.each<[string, Partial<Login>, boolean]>([
  ["a normal user outside of his sessions", {}, true],
  ["a normal user in a session of his", { isInSession: true }, false],
  ["a user who lingers", { lingers: true }, false],
  ["a system user", { uid: 999 }, false],
  ["root", { uid: 0 }, false],
  ["a normal user where there is no logind", { hasLogind: false }, false],
])("the RAM file system may be cleared under an agent of %s, or not", (_, login, isCleared) => {
  expect(mayBeCleared({ ...normalUser, ...login })).toBe(isCleared);
});
