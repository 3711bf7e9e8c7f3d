import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { identityOf, isRunning } from "../../../shared/host/process-identity.ts";
import { holderOf, tryLock } from "../../../shared/host/process-lock.ts";

describe("a lock of processes", () => {
  let folder: string;
  let path: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "millrace-lock-"));
    path = join(folder, "lock");
  });
  afterEach(() => rm(folder, { recursive: true }));

  test("has one holder, and is free when released", async () => {
    const release = await tryLock(path);
    expect(release).toBeDefined();
    expect(await tryLock(path)).toBeUndefined();
    expect(await holderOf(path)).toBe(process.pid);
    await release?.();
    expect(await holderOf(path)).toBeUndefined();
    expect(await tryLock(path)).toBeDefined();
  });

  test("of a dead process is taken by exactly one of many", async () => {
    for (let round = 0; round < 20; round += 1) {
      await writeFile(path, `999999999-1-dead round${round}\n`);
      const releases = await Promise.all(Array.from({ length: 16 }, () => tryLock(path)));
      const held = releases.filter((release) => release !== undefined);
      expect(held.length).toBeLessThanOrEqual(1);
      const release = held[0] ?? (await tryLock(path));
      expect(release).toBeDefined();
      await release?.();
    }
    expect(await readdir(folder)).toEqual([]);
  });

  test("is taken though one who was breaking it died on the way", async () => {
    await writeFile(path, "999999999-1-dead first\n");
    await writeFile(`${path}.first`, "999999998-1-dead second\n");
    const release = await tryLock(path);
    expect(release).toBeDefined();
    await release?.();
    expect(await readdir(folder)).toEqual([]);
  });

  test("is rid of what those have left who died while they took or broke it, and of nothing else", async () => {
    const own = await identityOf(process.pid);
    const of = (name: string, text: string) => writeFile(join(folder, name), text);
    await of("lock.first", "999999998-1-dead second\n");
    await of("lock.draft-999999999-1-dead.a1", "");
    await of("lock.first.draft-999999999-1-dead.a2", "999999999-1-dead a2\n");
    const others = [`lock.draft-${own}.a3`, "lock.notes", "lock.other", "locked"];
    await of(others[0] as string, "");
    await of("lock.notes", "of somebody else\n");
    await of("lock.other", `${own} third\n`);
    await of("locked", "999999999-1-dead fourth\n");
    await (await tryLock(path))?.();
    expect((await readdir(folder)).sort()).toEqual(others);
  });

  test("is void when its holder's pid belongs to another process now", async () => {
    const identity = (await identityOf(process.pid)) as string;
    const [pid, start, ...boot] = identity.split("-");
    await writeFile(path, `${[pid, Number(start) - 1, ...boot].join("-")} token\n`);
    expect(await isRunning(identity)).toBe(true);
    expect(await holderOf(path)).toBeUndefined();
  });
});
