/** Folder trees as jobs leave them: with read-only folders in them. */
import {
  chmodSync,
  constants,
  copyFileSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  statSync,
  symlinkSync,
} from "node:fs";
import { chmod, copyFile, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { SMALL_FILE_BYTES } from "../../shared/store/source-file.ts";
import { TimeSlice } from "../../shared/store/time-slice.ts";

const COPY_MODE = constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE;

/** Makes a folder that whoever runs in a container can see, whatever the agent's umask. */
export function makeOpenFolder(path: string): void {
  mkdirSync(path);
  chmodSync(path, 0o755);
}

/** Removes a tree, read-only folders included. What belongs to another user makes it throw. */
export async function removeTree(path: string): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true });
  } catch {
    // Most likely a folder without write permission; if it was anything else, the second try says so.
    await openFolders(path);
    await rm(path, { recursive: true, force: true });
  }
}

/**
 * Copies a tree to a folder that does not exist yet: files with their modes (as reflinks where the file system has
 * them), links as they are. Rejects when the signal comes.
 */
export async function copyTree(from: string, to: string, signal: AbortSignal): Promise<void> {
  await copyFolder(from, to, signal, new TimeSlice());
}

async function copyFolder(from: string, to: string, signal: AbortSignal, slice: TimeSlice): Promise<void> {
  mkdirSync(to);
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) await copyFolder(source, target, signal, slice);
    else await copyEntry(entry.isSymbolicLink(), source, target);
    if (slice.isOver) await slice.rest();
    signal.throwIfAborted();
  }
}

/** Copies a file or a link to where nothing is yet. */
export async function copyEntry(isLink: boolean, source: string, target: string): Promise<void> {
  if (isLink) symlinkSync(readlinkSync(source), target);
  // What takes no time is done at once: waiting for another thread costs more.
  else if (statSync(source).size <= SMALL_FILE_BYTES) copyFileSync(source, target, COPY_MODE);
  else await copyFile(source, target, COPY_MODE);
}

async function openFolders(path: string): Promise<void> {
  await chmod(path, 0o700);
  for (const entry of await readdir(path, { withFileTypes: true })) {
    if (entry.isDirectory()) await openFolders(join(path, entry.name));
  }
}
