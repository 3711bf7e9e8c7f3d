/**
 * Folders whose subfolders have nothing to do with each other, as those of attempts and of artifacts.
 *
 * ext4 puts a new folder, and the files in it, near its parent. Without a journal it also passes over each inode that was
 * freed there in the last minutes (`recently_deleted` in fs/ext4/ialloc.c), so where one job has left thousands of files that were
 * removed, each new file of the next one costs 0.5 ms instead of 0.04. `chattr +T` tells it that subfolders are unrelated:
 * it then puts each where few folders are, beginning with a place that it takes from the name: `first-number.ts`.
 */
import { statfs } from "node:fs/promises";
import { execa } from "execa";

/** As `statfs` has it; ext2 and ext3 have the same, and the same attribute. */
const EXT4_TYPE = 0xef53;

/**
 * Asks the file system to spread what will be made in these folders. Best effort: where there is no `chattr`, or the file
 * system has no such attribute, all stays as it is.
 */
export async function spreadSubfolders(folders: readonly string[]): Promise<void> {
  const types = await Promise.all(folders.map((folder) => statfs(folder).catch(() => undefined)));
  const onExt4 = folders.filter((_, index) => types[index]?.type === EXT4_TYPE);
  if (onExt4.length === 0) return;
  await execa("chattr", ["+T", "--", ...onExt4], { reject: false, stdio: "ignore" });
}
