/** Folder trees as jobs leave them: with read-only folders in them. */
import { chmod, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";

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

/** Makes every file of a tree read-only; folders stay as they are, so that the tree can be removed. */
export async function makeReadOnly(path: string): Promise<void> {
  for (const entry of await readdir(path, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile()) continue;
    const file = join(entry.parentPath, entry.name);
    await chmod(file, (await isExecutable(file)) ? 0o555 : 0o444);
  }
}

async function isExecutable(file: string): Promise<boolean> {
  return ((await stat(file)).mode & 0o100) !== 0;
}

async function openFolders(path: string): Promise<void> {
  await chmod(path, 0o700);
  for (const entry of await readdir(path, { withFileTypes: true })) {
    if (entry.isDirectory()) await openFolders(join(path, entry.name));
  }
}
