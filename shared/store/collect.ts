/**
 * Finds what outputs name: patterns to the files, links and empty folders of a workspace.
 *
 * A pattern that matches a folder takes it whole, hidden files included; hidden names are otherwise matched only by
 * a pattern that names them. Links are taken as links and never followed, not even by a pattern that leads through
 * one. What can't be stored (sockets, pipes, devices) is refused rather than left out.
 */
import { type Dirent, lstatSync, readdirSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import picomatch from "picomatch/posix.js";
import { globProblem } from "../model/glob-pattern.ts";
import { OutputError } from "./output-error.ts";
import { foldersAbove, pathProblem, targetProblem } from "./safe-path.ts";
import { TimeSlice } from "./time-slice.ts";

/** Something to store, by its path in the workspace. */
export type Collected =
  | { readonly path: string; readonly type: "file" }
  | { readonly path: string; readonly type: "link"; readonly target: string }
  | { readonly path: string; readonly type: "folder" };

/** Everything the patterns match, once, in no order; throws an OutputError when one of them matches nothing. */
export async function collectOutputs(root: string, patterns: readonly string[]): Promise<Collected[]> {
  const walk = new Walk(root);
  for (const pattern of patterns) await walk.take(pattern);
  return [...walk.found.values()];
}

class Walk {
  readonly found = new Map<string, Collected>();
  readonly #root: string;
  readonly #slice = new TimeSlice();
  /** Folders that have been taken whole: a second pattern need not read them again. */
  readonly #whole = new Set<string>();

  constructor(root: string) {
    this.#root = root;
  }

  async take(pattern: string): Promise<void> {
    const problem = globProblem(pattern);
    if (problem !== undefined) throw new OutputError("badOutput", `output ${pattern} ${problem}`);
    const plain = pattern
      .split("/")
      .filter((part) => part !== "" && part !== ".")
      .join("/");
    const { base, isGlob } = picomatch.scan(plain, { nonegate: true });
    const matched = isGlob
      ? await this.#match(plain, unescaped(base))
      : await this.#takeNamed(unescaped(plain));
    if (!matched) throw new OutputError("missingOutput", `output ${pattern} matches nothing`);
  }

  /** A pattern without wildcards. */
  async #takeNamed(path: string): Promise<boolean> {
    const type = this.#typeOf(path);
    if (type === undefined) return false;
    await this.#takeEntry(path, type);
    return true;
  }

  async #match(pattern: string, base: string): Promise<boolean> {
    const maxDepth = deepest(pattern);
    const matches = picomatch(pattern, { dot: false, nonegate: true });
    if (this.#typeOf(base)?.isDirectory() !== true) return false;
    let matched = false;
    const pending = [base];
    for (let folder = pending.pop(); folder !== undefined; folder = pending.pop()) {
      for (const child of this.#read(folder)) {
        const path = folder === "" ? child.name : `${folder}/${child.name}`;
        if (matches(path)) {
          matched = true;
          await this.#takeEntry(path, child);
        } else if (child.isDirectory() && depth(path) < maxDepth) {
          pending.push(path);
        }
      }
      if (this.#slice.isOver) await this.#slice.rest();
    }
    return matched;
  }

  async #takeEntry(path: string, type: EntryType): Promise<void> {
    if (!type.isDirectory()) return this.#add(path, type);
    if (this.#whole.has(path)) return;
    const pending = [path];
    for (let folder = pending.pop(); folder !== undefined; folder = pending.pop()) {
      this.#whole.add(folder);
      const children = this.#read(folder);
      if (children.length === 0 && folder !== "") this.#found(folder, { path: folder, type: "folder" });
      for (const child of children) {
        const childPath = folder === "" ? child.name : `${folder}/${child.name}`;
        if (child.isDirectory()) pending.push(childPath);
        else this.#add(childPath, child);
      }
      if (this.#slice.isOver) await this.#slice.rest();
    }
  }

  #add(path: string, type: EntryType): void {
    if (type.isFile()) {
      this.#found(path, { path, type: "file" });
    } else if (type.isSymbolicLink()) {
      const target = readlinkSync(join(this.#root, path));
      const problem = targetProblem(path, target);
      if (problem !== undefined) {
        throw new OutputError("badOutput", `output ${path} is a link to ${target}, which ${problem}`);
      }
      this.#found(path, { path, type: "link", target });
    } else {
      throw new OutputError("badOutput", `output ${path} is neither a file, a folder nor a link`);
    }
  }

  #found(path: string, entry: Collected): void {
    const problem = pathProblem(path);
    if (problem !== undefined)
      throw new OutputError("badOutput", `output ${JSON.stringify(path)} ${problem}`);
    this.found.set(path, entry);
  }

  #read(folder: string): Dirent[] {
    try {
      return readdirSync(join(this.#root, folder), { withFileTypes: true });
    } catch (cause) {
      throw new OutputError("badOutput", `output folder ${folder} cannot be read`, cause);
    }
  }

  /** What is at a path, or undefined; refuses to look through a link. */
  #typeOf(path: string): EntryType | undefined {
    for (const folder of foldersAbove(path)) {
      if (lstat(join(this.#root, folder))?.isSymbolicLink()) {
        throw new OutputError(
          "badOutput",
          `output ${path} leads through ${folder}, a link, which is not followed`,
        );
      }
    }
    return lstat(join(this.#root, path));
  }
}

type EntryType = Pick<Dirent, "isFile" | "isDirectory" | "isSymbolicLink">;

function lstat(path: string): EntryType | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    if (code === "ENOTDIR" || code === "ENAMETOOLONG") return undefined; // there can be no such path
    throw new OutputError("badOutput", `output ${path} cannot be read`, cause);
  }
}

function depth(path: string): number {
  return path.split("/").length;
}

/** How deep a match can lie: as deep as the pattern, unless some part of it stands for several. */
function deepest(pattern: string): number {
  return /\*\*|[{(]/.test(pattern) ? Number.POSITIVE_INFINITY : depth(pattern);
}

function unescaped(pattern: string): string {
  return pattern.replaceAll(/\\(.)/g, "$1");
}
