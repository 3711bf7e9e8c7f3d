/**
 * The folder for the control files of one work folder: on a RAM file system where there is one, since a file on disk
 * costs what a short job does. It names the work folder it belongs to, so that one whose work folder was removed can
 * be told from one that waits for its agent to come back.
 */
import { createHash, randomBytes } from "node:crypto";
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { removeTree } from "./folder-tree.ts";

const RAM_ROOT = "/dev/shm";
const OWNER_FILE = "work-folder";
const ID_FILE = "id";
const ID_LENGTH = 16;

export interface ControlRoot {
  readonly path: string;
  /** Made with the folder and gone with it. */
  readonly id: string;
}

/** Makes the control root of a work folder, or finds it as it was left. */
export async function openControlRoot(folder: string): Promise<ControlRoot> {
  const onDisk = join(folder, "control");
  const shared = existsSync(onDisk) ? undefined : ramFolder();
  if (shared === undefined) return made(onDisk, folder);
  await removeOrphans(shared);
  return made(join(shared, createHash("sha256").update(folder).digest("hex").slice(0, 16)), folder);
}

/** Removes a control root unless it still holds what a successor needs. */
export async function closeControlRoot({ path }: ControlRoot): Promise<void> {
  const isOwn = (name: string) => name === OWNER_FILE || name === ID_FILE;
  if ((await readdir(path)).every(isOwn)) await rm(path, { recursive: true });
}

/** Anyone may write to the RAM file system, so a folder there that is not ours alone is not used. */
function ramFolder(): string | undefined {
  const uid = process.getuid?.();
  if (uid === undefined || !existsSync(RAM_ROOT)) return undefined;
  const folder = join(RAM_ROOT, `millrace-${uid}`);
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const found = lstatSync(folder);
    return found.isDirectory() && found.uid === uid && (found.mode & 0o077) === 0 ? folder : undefined;
  } catch {
    // Full or read-only: the disk will do.
    return undefined;
  }
}

async function removeOrphans(shared: string): Promise<void> {
  for (const name of readdirSync(shared)) {
    const owner = ownerOf(join(shared, name));
    if (owner !== undefined && !existsSync(owner)) await removeTree(join(shared, name));
  }
}

function ownerOf(root: string): string | undefined {
  try {
    return readFileSync(join(root, OWNER_FILE), "utf8");
  } catch {
    // Just being made or removed by its agent.
    return undefined;
  }
}

function made(path: string, folder: string): ControlRoot {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  writeFileSync(join(path, OWNER_FILE), folder, { mode: 0o600 });
  return { path, id: idIn(path) };
}

/** The id of a control root; one that has none, or half of one, is given it. */
function idIn(path: string): string {
  const file = join(path, ID_FILE);
  const known = existsSync(file) ? readFileSync(file, "utf8") : "";
  if (known.length === ID_LENGTH) return known;
  const id = randomBytes(ID_LENGTH).toString("hex").slice(0, ID_LENGTH);
  writeFileSync(file, id, { mode: 0o600 });
  return id;
}
