/** The folders of a repository that have a `pkg.toml` in them or below them. */
import { type Dirent, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { asMillraceError } from "../../../shared/model/error.ts";
import { compareTexts } from "./package.ts";

/** The name of the files that describe packages. */
export const PACKAGE_FILE = "pkg.toml";

export interface PackageFolder {
  /** Relative to the root, `.` for the root itself. */
  readonly folder: string;
  /** Content of its own file, where it has one. */
  readonly content: Uint8Array | undefined;
  /** Those that have a file in them or below, by name. */
  readonly children: readonly PackageFolder[];
}

/**
 * Reads the tree; undefined when there is no package at all. Hidden names and links to folders are left out. It waits for
 * the file system: thousands of small reads take a third of the time that they take when each is waited for by an event.
 */
export function readPackageTree(root: string): PackageFolder | undefined {
  try {
    return readFolder(root, ".");
  } catch (error) {
    throw asMillraceError(error, `the packages in ${root} can't be read`, "badInput");
  }
}

function readFolder(root: string, folder: string): PackageFolder | undefined {
  const path = join(root, folder);
  const entries = readdirSync(path, { withFileTypes: true });
  const own = entries.find(({ name }) => name === PACKAGE_FILE);
  const content = own !== undefined && isFile(own, path) ? readFileSync(join(path, PACKAGE_FILE)) : undefined;
  const children = entries
    .filter(isVisibleFolder)
    .map(({ name }) => readFolder(root, child(folder, name)))
    .filter((found) => found !== undefined)
    .sort((left, right) => compareTexts(left.folder, right.folder));
  return content === undefined && children.length === 0 ? undefined : { folder, content, children };
}

/** Or a link to one: anything else, such as a pipe, would be waited for. */
function isFile(entry: Dirent, folder: string): boolean {
  return entry.isFile() || (entry.isSymbolicLink() && statSync(join(folder, entry.name)).isFile());
}

function isVisibleFolder(entry: Dirent): boolean {
  return entry.isDirectory() && !entry.name.startsWith(".");
}

function child(folder: string, name: string): string {
  return folder === "." ? name : `${folder}/${name}`;
}

/** A folder and all above it, up to the root. */
export function foldersUpwards(folder: string): string[] {
  if (folder === ".") return ["."];
  const parts = folder.split("/");
  return [...parts.map((_, index) => parts.slice(0, parts.length - index).join("/")), "."];
}
