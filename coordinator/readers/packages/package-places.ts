/** Finds the place of a value of a package among the files it is merged from: read again, as mistakes are rare. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type Problem, problemAtOffset } from "../source-text.ts";
import type { SourceMap } from "../source-tree.ts";
import { foldersUpwards, PACKAGE_FILE } from "./package-tree.ts";
import { nodeAt, readTomlPlaces } from "./toml-places.ts";

/** Where a repository lies, and how that folder is called in messages. */
export interface RepositoryPlace {
  readonly root: string;
  readonly shownRoot: string;
}

/** A file of a package with the places in it. */
export interface PlacedFile {
  /** As messages call it. */
  readonly file: string;
  /** Where it lies, relative to the root. */
  readonly folder: string;
  readonly text: string;
  readonly tree: SourceMap;
}

/** The deepest file that has the value, or the package's own where none has. */
export async function fileWith(
  { root, shownRoot }: RepositoryPlace,
  folder: string,
  path: readonly (string | number)[],
): Promise<PlacedFile> {
  let own: PlacedFile | undefined;
  for (const above of foldersUpwards(folder)) {
    const name = join(above, PACKAGE_FILE);
    const text = await readFile(join(root, name), "utf8").catch(() => undefined);
    if (text === undefined) continue;
    const tree = readTomlPlaces(text);
    if (tree === undefined) continue;
    const found = { file: join(shownRoot, name), folder: above, text, tree };
    own ??= found;
    if (path.length > 0 && nodeAt(tree, path) !== undefined) return found;
  }
  return own ?? emptyFile(join(shownRoot, folder, PACKAGE_FILE), folder);
}

/** A mistake in the value at a path, with its place. */
export async function problemAt(
  place: RepositoryPlace,
  folder: string,
  path: readonly (string | number)[],
  message: string,
): Promise<Problem> {
  return problemIn(await fileWith(place, folder, path), path, message);
}

/** A mistake of the package's own file: what it lacks of a value that may have come from another, which is told then. */
export async function problemInOwnFile(
  place: RepositoryPlace,
  folder: string,
  path: readonly (string | number)[],
  message: string,
): Promise<Problem> {
  const own = await fileWith(place, folder, []);
  const origin = await fileWith(place, folder, path);
  if (origin.file === own.file) return problemIn(own, path, message);
  const { file, line } = problemIn(origin, path, message);
  return problemIn(own, path, `${message}; ${JSON.stringify(path.join("."))} comes from ${file}:${line}`);
}

function problemIn(
  { file, text, tree }: PlacedFile,
  path: readonly (string | number)[],
  message: string,
): Problem {
  return problemAtOffset(file, text, nodeAt(tree, path)?.start ?? 0, message);
}

function emptyFile(file: string, folder: string): PlacedFile {
  return { file, folder, text: "", tree: { kind: "map", start: 0, entries: [] } };
}
