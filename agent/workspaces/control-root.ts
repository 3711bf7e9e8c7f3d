/**
 * The folder for the control files of one work folder: on a RAM file system where there is one to rely on, since a file
 * on disk costs what a short job does; wherever it was left, as long as there is something in it. It names the work
 * folder it belongs to, so that one whose work folder was removed can be told from one that waits for its agent to come
 * back.
 *
 * Somebody else may remove it while the agent runs. It is made anew then, with another id: what records it had are
 * gone, and nobody may conclude anything from that.
 */
import { createHash, randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { removeTree } from "./folder-tree.ts";
import { presentRamFolder, ramFolder } from "./ram-folder.ts";

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
  const present = presentRamFolder();
  if (present !== undefined) await removeOrphans(present);
  const left = [onDisk, ...(present === undefined ? [] : [within(present, folder)])].find(existsSync);
  if (left !== undefined) return made(left, folder);
  const shared = ramFolder();
  return made(shared === undefined ? onDisk : within(shared, folder), folder);
}

/** Makes a control root anew that somebody has removed; says whether it was gone. */
export function remakeControlRoot({ path }: ControlRoot, folder: string): boolean {
  if (existsSync(join(path, ID_FILE))) return false;
  made(path, folder);
  return true;
}

/** Removes a control root unless it still holds what a successor needs. */
export async function closeControlRoot({ path }: ControlRoot): Promise<void> {
  const isOwn = (name: string) => name.startsWith(OWNER_FILE) || name === ID_FILE;
  if ((await readdir(path)).every(isOwn)) await rm(path, { recursive: true });
}

function within(shared: string, folder: string): string {
  return join(shared, createHash("sha256").update(folder).digest("hex").slice(0, 16));
}

async function removeOrphans(shared: string): Promise<void> {
  for (const name of readdirSync(shared)) {
    const owner = ownerOf(join(shared, name));
    if (owner !== undefined && !existsSync(owner)) await removeTree(join(shared, name));
  }
}

function ownerOf(root: string): string | undefined {
  try {
    const owner = readFileSync(join(root, OWNER_FILE), "utf8");
    return owner === "" ? undefined : owner;
  } catch {
    // Just being made or removed by its agent.
    return undefined;
  }
}

function made(path: string, folder: string): ControlRoot {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  // Whole at once: another agent that read half of it would find no such work folder, and remove all this.
  const partial = join(path, `${OWNER_FILE}.${process.pid}`);
  writeFileSync(partial, folder, { mode: 0o600 });
  renameSync(partial, join(path, OWNER_FILE));
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
