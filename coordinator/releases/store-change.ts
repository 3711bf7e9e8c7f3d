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
 */
import { randomBytes } from "node:crypto";
import { lstat, mkdir, readdir, readFile, rename, rm, rmdir, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { z } from "zod";
import { MillraceError, reasonOf } from "../../shared/model/error.ts";

const CHANGES = ".millrace/changes";
const CHANGE = "change.json";
const NEW = ".new";
const DONE = ".done";
/** What was prepared longer ago was given up by a command that is gone. */
const GIVEN_UP_AFTER_MS = 24 * 3_600_000;

const changeSchema = z.strictObject({
  v: z.literal(1),
  /** Paths of the new files, in the store as below `content/`. */
  put: z.array(z.string()),
  /** Paths of files that go. */
  remove: z.array(z.string()),
});
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

  /** Where the new files are to be put; whoever fills it makes it. */
  get content(): string {
    return join(this.#folder, "content");
  }

  get #folder(): string {
    return join(this.#root, CHANGES, this.#token + NEW);
  }

  async begin(): Promise<void> {
    await mkdir(this.#folder, { recursive: true });
  }

  /** Writes a file of the folder. */
  async write(path: string, text: string): Promise<void> {
    await mkdir(dirname(join(this.#folder, path)), { recursive: true });
    await writeFile(join(this.#folder, path), text, { flush: this.#durable });
  }

  /** From here on the change comes to pass, also when this process is killed. */
  async commit(change: StoreChange): Promise<void> {
    await this.write(CHANGE, JSON.stringify({ v: 1, ...change }));
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
  for (const path of change.remove) await removeFile(root, path);
  for (const path of change.put) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await rename(join(folder, "content", path), join(root, path)).catch(ignoreAbsent);
  }
  await rename(folder, folder + DONE).catch(ignoreAbsent);
  await rm(folder + DONE, { recursive: true, force: true });
}

async function readChange(folder: string): Promise<StoreChange> {
  try {
    return changeSchema.parse(JSON.parse(await readFile(join(folder, CHANGE), "utf8")));
  } catch (cause) {
    throw new MillraceError("corrupt", `the change in ${folder} can't be read: ${reasonOf(cause)}`, {
      fix: "A power cut may have damaged it. Remove that folder, then do again what was being done.",
      cause,
    });
  }
}

/** Removes a file, and the folders above it that it leaves empty. */
async function removeFile(root: string, path: string): Promise<void> {
  const status = await lstat(join(root, path)).catch(() => undefined);
  // A folder is there when the new files have come already.
  if (status?.isDirectory() === false) await rm(join(root, path), { force: true });
  for (let folder = dirname(path); folder !== "."; folder = dirname(folder)) {
    const isRemoved = await rmdir(join(root, folder)).then(
      () => true,
      () => false,
    );
    if (!isRemoved) return;
  }
}

async function namesIn(folder: string): Promise<string[]> {
  return await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    ignoreAbsent(error);
    return [];
  });
}

function ignoreAbsent(error: NodeJS.ErrnoException): void {
  if (error.code !== "ENOENT") throw error;
}
