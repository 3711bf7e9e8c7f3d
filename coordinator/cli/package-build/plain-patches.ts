/** Patches as plain files: a link among them would lead nowhere for a job, which sees the patches alone. */
import { copyFile, mkdir, mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, sep } from "node:path";
import { MillraceError } from "../../../shared/model/error.ts";

/**
 * Calls with a folder that has all patches at their own paths: the repository's root or, where links are among them, one
 * with copies, which is removed afterwards.
 */
export async function withPlainPatches<T>(
  root: string,
  patches: readonly string[],
  use: (folder: string) => Promise<T>,
): Promise<T> {
  const base = await realpath(root);
  const files = await Promise.all(patches.map((patch) => realpath(join(root, patch))));
  if (files.every((file, index) => file === join(base, patches[index]!))) return await use(root);
  const outside = patches.find((_, index) => !files[index]!.startsWith(base + sep));
  if (outside !== undefined) {
    throw new MillraceError("refused", `the patch ${outside} is a link that leads out of the repository`, {
      fix: "Put the file itself there.",
    });
  }
  const copies = await mkdtemp(join(tmpdir(), "millrace-patches-"));
  try {
    for (const [index, patch] of patches.entries()) {
      await mkdir(dirname(join(copies, patch)), { recursive: true });
      await copyFile(files[index]!, join(copies, patch));
    }
    return await use(copies);
  } finally {
    await rm(copies, { recursive: true, force: true });
  }
}
