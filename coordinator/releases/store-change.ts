/**
 * A change of a store, of any number of files, that happens or does not happen, whenever its command is killed.
 *
 * States: prepared (`.millrace/changes/<token>.new/`: the new files below `content/`, what is to be done in
 * `change.json`), committed (the same folder under `<token>`, by one rename), applied (under `<token>.done`, by another
 * one, then gone). Each step of applying may be done twice, so the next one who opens the store finishes what a killed
 * command has committed. What is removed piece by piece never bears the name of a change that is to be read.
 *
 * Invariants:
 * 1. Before the rename nothing of the store has changed; after it all of the change comes to pass.
 * 2. A file of the store is absent, the old one or the new one, never a part of one.
 *
 * A new file or folder costs a disk far more than a rename. So new files lie below `content/` in few folders, under
 * whatever names, and the list says where each one goes.
 */
import { randomBytes } from "node:crypto";
import { mkdirSync, renameSync, rmdirSync, unlinkSync, writeFileSync } from "node:fs";
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { z } from "zod";
import { MillraceError, reasonOf } from "../../shared/model/error.ts";
import { TimeSlice } from "../../shared/store/time-slice.ts";
import { statusOf } from "./path-status.ts";

const CHANGES = ".millrace/changes";
const CHANGE = "change.json";
const CONTENT = "content";
const NEW = ".new";
const DONE = ".done";
/** What was prepared longer ago was given up by a command that is gone. */
const GIVEN_UP_AFTER_MS = 24 * 3_600_000;

const changeSchema = z.strictObject({
  v: z.literal(2),
  /** Paths of new files: below `content/`, and in the store. */
  put: z.array(z.tuple([z.string(), z.string()])),
  /** Paths of files that go. */
  remove: z.array(z.string()),
});
/** As version 0.1 wrote it: a file has the same path below `content/` as in the store. */
const firstChangeSchema = z
  .strictObject({ v: z.literal(1), put: z.array(z.string()), remove: z.array(z.string()) })
  .transform(({ put, remove }) => ({ put: put.map((path): [string, string] => [path, path]), remove }));
const anyChangeSchema = z.union([changeSchema, firstChangeSchema]);
/** What is to be done with a store, in this order: no path is in both lists, and what counts most is put last. */
export type StoreChange = Omit<z.infer<typeof changeSchema>, "v">;

/** The folder of a change that is being prepared. */
export class PreparedChange {
  readonly #root: string;
  readonly #durable: boolean;
  readonly #token = randomBytes(8).toString("hex");

  /** A durable change also survives a power cut, and waits for the disk twice. */
  constructor(root: string, durable: boolean) {
    this.#root = root;
    this.#durable = durable;
  }

  /** Where a new file, or a folder of them, is to be put. */
  placeOf(name: string): string {
    return join(this.#folder, CONTENT, name);
  }

  get #folder(): string {
    return join(this.#root, CHANGES, this.#token + NEW);
  }

  async begin(): Promise<void> {
    await mkdir(join(this.#folder, CONTENT), { recursive: true });
  }

  /** Writes a new file. */
  async write(name: string, text: string): Promise<void> {
    await this.#write(this.placeOf(name), text);
  }

  /** From here on the change comes to pass, also when this process is killed. */
  async commit(change: StoreChange): Promise<void> {
    await this.#write(join(this.#folder, CHANGE), JSON.stringify({ v: 2, ...change }));
    await rename(this.#folder, join(this.#root, CHANGES, this.#token));
  }

  /** Carries out what was committed. */
  async apply(): Promise<void> {
    await apply(this.#root, join(this.#root, CHANGES, this.#token));
  }

  /** Takes away what was prepared; nothing is left to take after a commit. */
  async discard(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #write(path: string, text: string): Promise<void> {
    // The thread pool takes several times as long as the call; but what waits for the disk is not to hold up others.
    if (this.#durable) await writeFile(path, text, { flush: true });
    else writeFileSync(path, text);
  }
}

/** Finishes what killed commands have committed to the store, and clears away what they have given up. */
export async function finishChanges(root: string, nowMs: number): Promise<void> {
  for (const name of await namesIn(join(root, CHANGES))) {
    const folder = join(root, CHANGES, name);
    if (isCommitted(name)) await apply(root, folder);
    else if (name.endsWith(DONE)) await rm(folder, { recursive: true, force: true });
    else if (nowMs - (await stat(folder)).mtimeMs > GIVEN_UP_AFTER_MS) await rm(folder, { recursive: true });
  }
}

/** Whether a killed command has committed something that has not come to pass. */
export async function hasUnfinishedChanges(root: string): Promise<boolean> {
  return (await namesIn(join(root, CHANGES))).some(isCommitted);
}

function isCommitted(name: string): boolean {
  return !name.endsWith(NEW) && !name.endsWith(DONE);
}

async function apply(root: string, folder: string): Promise<void> {
  const change = await readChange(folder);
  const slice = new TimeSlice();
  for (const path of change.remove) {
    removeFile(root, path);
    if (slice.isOver) await slice.rest();
  }
  const made = new Set<string>();
  for (const [from, to] of change.put) {
    const parent = dirname(join(root, to));
    if (!made.has(parent)) mkdirSync(parent, { recursive: true });
    made.add(parent);
    unlessAbsent(() => renameSync(join(folder, CONTENT, from), join(root, to)));
    if (slice.isOver) await slice.rest();
  }
  unlessAbsent(() => renameSync(folder, folder + DONE));
  await clearAway(folder + DONE, slice);
}

/** Most of what is left is empty folders, one for each artifact. */
async function clearAway(folder: string, slice: TimeSlice): Promise<void> {
  for (const name of await namesIn(join(folder, CONTENT))) {
    isRemoved(join(folder, CONTENT, name));
    if (slice.isOver) await slice.rest();
  }
  await rm(folder, { recursive: true, force: true });
}

async function readChange(folder: string): Promise<StoreChange> {
  try {
    return anyChangeSchema.parse(JSON.parse(await readFile(join(folder, CHANGE), "utf8")));
  } catch (cause) {
    throw new MillraceError("corrupt", `the change in ${folder} can't be read: ${reasonOf(cause)}`, {
      fix: "A power cut may have damaged it. Remove that folder, then do again what was being done.",
      cause,
    });
  }
}

/** Removes a file, and the folders above it that it leaves empty. */
function removeFile(root: string, path: string): void {
  // A folder is there when the new files have come already.
  if (statusOf(join(root, path))?.isDirectory() === false) unlinkSync(join(root, path));
  for (let folder = dirname(path); folder !== "."; folder = dirname(folder)) {
    if (!isRemoved(join(root, folder))) return;
  }
}

/** Whether a folder was empty, and so has gone. */
function isRemoved(folder: string): boolean {
  try {
    rmdirSync(folder);
    return true;
  } catch {
    return false;
  }
}

async function namesIn(folder: string): Promise<string[]> {
  return await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    ignoreAbsent(error);
    return [];
  });
}

function unlessAbsent(call: () => void): void {
  try {
    call();
  } catch (error) {
    ignoreAbsent(error as NodeJS.ErrnoException);
  }
}

function ignoreAbsent(error: NodeJS.ErrnoException): void {
  if (error.code !== "ENOENT") throw error;
}
