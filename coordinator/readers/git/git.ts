/** Asks git about the repository that a folder lies in. */
import { execa } from "execa";
import { MillraceError } from "../../../shared/model/error.ts";

/** The commit that is checked out, and whether all that git knows in the folder is as it was committed. */
export interface CheckedOut {
  readonly commit: string;
  readonly isClean: boolean;
}

/** Undefined where the folder is in no git repository, or nothing was ever committed. */
export async function checkedOut(folder: string): Promise<CheckedOut | undefined> {
  const commit = await git(folder, ["rev-parse", "--verify", "--quiet", "HEAD^{commit}"]);
  if (commit === undefined) return undefined;
  const changes = await git(folder, ["status", "--porcelain", "--", "."]);
  return { commit: commit.trim(), isClean: changes === "" };
}

/** The name that commits get here; undefined where none is set. */
export async function authorName(folder: string): Promise<string | undefined> {
  const name = await git(folder, ["config", "user.name"]);
  return name?.trim() || undefined;
}

/** Files below the folder that are not as in a revision: changed since, removed, new, or not committed yet. */
export async function changedSince(folder: string, revision: string): Promise<string[]> {
  const known = await git(folder, [
    ...["rev-parse", "--verify", "--quiet", "--end-of-options"],
    `${revision}^{commit}`,
  ]);
  if (known === undefined) {
    throw new MillraceError("badInput", `git knows no revision ${JSON.stringify(revision)} in ${folder}`, {
      fix: "Name a commit, a branch or a tag; git log shows commits.",
    });
  }
  const [changed, untracked] = await Promise.all([
    git(folder, ["diff", "--name-only", "--no-renames", "--relative", "-z", known.trim(), "--", "."]),
    git(folder, ["ls-files", "--others", "--exclude-standard", "-z", "--", "."]),
  ]);
  if (changed === undefined || untracked === undefined) {
    throw new MillraceError(
      "unavailable",
      `git could not tell what has changed in ${folder} since ${revision}`,
    );
  }
  return [...changed.split("\0"), ...untracked.split("\0")].filter((path) => path !== "");
}

/** What git prints; undefined where it fails, or is not there. */
async function git(folder: string, args: readonly string[]): Promise<string | undefined> {
  const result = await execa("git", args, { cwd: folder, reject: false, stripFinalNewline: false });
  return result.failed ? undefined : result.stdout;
}
