/** One command at a time changes a store: the others wait for it, and a killed one holds up nobody. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { type Release, tryLock } from "../../shared/host/process-lock.ts";
import { MillraceError } from "../../shared/model/error.ts";
import { PackageStore } from "../releases/package-store.ts";
import { finishChanges, hasUnfinishedChanges } from "../releases/store-change.ts";
import { STORE_FOLDER } from "../releases/store-layout.ts";

const WAIT_MS = 30_000;
const LOOK_AGAIN_MS = 100;

/** Opens the store, made when it is not there, for one piece of work that changes it. */
export async function withStore<T>(root: string, work: (store: PackageStore) => Promise<T>): Promise<T> {
  const unlock = await lockStore(root, WAIT_MS);
  if (unlock === undefined) {
    throw new MillraceError("conflict", `another command has been changing ${root} for ${WAIT_MS / 1000} s`, {
      fix: "Try again when it is done.",
    });
  }
  try {
    return await work(await PackageStore.open(root, Date.now()));
  } finally {
    await unlock();
  }
}

/**
 * Reads a store, or what is there of the packages of these names, after what a killed command has left undone was finished,
 * if that may be done.
 */
export async function readStore(root: string, only?: Iterable<string>): Promise<PackageStore> {
  const unlock = (await hasUnfinishedChanges(root))
    ? await lockStore(root, 0).catch(() => undefined)
    : undefined;
  try {
    if (unlock !== undefined) await finishChanges(root, Date.now());
    return await PackageStore.read(root, only);
  } finally {
    await unlock?.();
  }
}

async function lockStore(root: string, waitMs: number): Promise<Release | undefined> {
  const folder = join(root, STORE_FOLDER);
  await mkdir(folder, { recursive: true });
  const deadline = Date.now() + waitMs;
  for (;;) {
    const unlock = await tryLock(join(folder, "lock"));
    if (unlock !== undefined || Date.now() >= deadline) return unlock;
    await pause(LOOK_AGAIN_MS);
  }
}
