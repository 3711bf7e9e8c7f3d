/**
 * A repository of packages in butido's format, read whole: its configuration, and every package merged from the files
 * on the way to it. All mistakes are told at once, each with its place.
 */
import { access, readFile } from "node:fs/promises";
import { join } from "node:path";
import { MillraceError } from "../../../shared/model/error.ts";
import { formatProblem, type Problem } from "../source-text.ts";
import {
  completePackage,
  type PackageDraft,
  type PackageProblem,
  pathBelowRoot,
} from "./complete-package.ts";
import { type MergedLayers, mergeLayer, noLayers, type PhaseLayer } from "./layer-merge.ts";
import { comparePackages, type Package, packageTitle } from "./package.ts";
import { readPackageLayer } from "./package-layer.ts";
import { problemAt, problemInOwnFile, type RepositoryPlace } from "./package-places.ts";
import { PACKAGE_FILE, type PackageFolder, readPackageTree } from "./package-tree.ts";
import type { RepositoryConfig } from "./repository-config.ts";
import { readRepositoryConfig } from "./repository-config-reading.ts";
import { readTomlFile } from "./toml-file.ts";

export interface PackageRepository extends RepositoryPlace {
  readonly config: RepositoryConfig;
  /** By name, then by version. */
  readonly packages: readonly Package[];
}

export interface RepositoryOptions {
  /** The folder that has `config.toml`. */
  readonly root: string;
  /** How that folder is called in messages. Default: the same. */
  readonly shownRoot?: string;
  /** Where variables `BUTIDO_<KEY>` and the user's own configuration are looked for. */
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** Reads a repository; throws `badInput` with every mistake as `file:line:col: message`. */
export async function openRepository(options: RepositoryOptions): Promise<PackageRepository> {
  const { root, shownRoot = root, environment } = options;
  const place = { root, shownRoot };
  const configured = await readRepositoryConfig(place, environment);
  const tree = readPackageTree(root);
  const reading = new PackageReading(place);
  if (tree !== undefined) reading.readFolder(tree, noLayers);
  const problems = [...(configured.ok ? [] : configured.problems), ...(await reading.check())];
  if (!configured.ok || problems.length > 0) throw mistakes(problems);
  const packages = await reading.packages();
  return { ...place, config: configured.config, packages };
}

const SHOWN_PROBLEMS = 50;

/** Mistakes of a repository as one error. */
export function mistakes(problems: readonly Problem[]): MillraceError {
  // One in a file that many packages share is found in each of them.
  const all = [...new Set(problems.map(formatProblem))];
  const lines = all.slice(0, SHOWN_PROBLEMS);
  const rest = all.length - lines.length;
  if (rest > 0) lines.push(`… and ${rest} more`);
  const count = all.length === 1 ? "a mistake" : `${all.length} mistakes`;
  return new MillraceError("badInput", `the package repository has ${count}:\n${lines.join("\n")}`);
}

class PackageReading {
  readonly #place: RepositoryPlace;
  readonly #problems: Promise<Problem>[] = [];
  readonly #drafts: PackageDraft[] = [];

  constructor(place: RepositoryPlace) {
    this.#place = place;
  }

  /** Merges a folder's file over what is above it; a folder without others below it is a package, but for an empty root. */
  readFolder({ folder, content, children }: PackageFolder, above: MergedLayers): void {
    const merged = content === undefined ? above : this.#merge(folder, content, above);
    for (const child of children) this.readFolder(child, merged ?? above);
    // What could not be read is a mistake already; what would follow from it is none.
    if (children.length > 0 || content === undefined || merged === undefined) return;
    const isEmpty = folder === "." && merged.name === undefined;
    if (isEmpty) return;
    const completion = completePackage(merged, folder);
    if (completion.ok) this.#drafts.push(completion.draft);
    else for (const problem of completion.problems) this.#problems.push(this.#placed(folder, problem));
  }

  /** What only shows when all is read: packages that are there twice, and files that are not there. */
  async check(): Promise<Problem[]> {
    const drafts = this.#drafts.sort(comparePackages);
    const broken = await Promise.all(this.#problems);
    for (const [index, draft] of drafts.entries()) {
      const before = drafts[index - 1];
      if (before !== undefined && comparePackages(before, draft) === 0) {
        const other = join(this.#place.shownRoot, before.folder, PACKAGE_FILE);
        this.#report(draft.folder, ["version"], `${packageTitle(draft)} is in ${other}, too`);
      }
    }
    await this.#checkPatches();
    return [...broken, ...(await Promise.all(this.#problems.slice(broken.length)))];
  }

  async packages(): Promise<Package[]> {
    const packages = await Promise.all(
      this.#drafts.map(async (draft) => {
        const phases = new Map<string, string>();
        for (const [name, phase] of draft.phases) phases.set(name, await this.#script(draft, name, phase));
        return { ...draft, phases };
      }),
    );
    const gone = await Promise.all(this.#problems);
    if (gone.length > 0) throw mistakes(gone);
    return packages;
  }

  #merge(folder: string, content: Uint8Array, above: MergedLayers): MergedLayers | undefined {
    const file = join(this.#place.shownRoot, folder, PACKAGE_FILE);
    const reading = readTomlFile(file, content, readPackageLayer);
    if (reading.ok) return mergeLayer(above, reading.value, folder);
    this.#problems.push(...reading.problems.map((problem) => Promise.resolve(problem)));
    return undefined;
  }

  async #checkPatches(): Promise<void> {
    const places = new Map<string, { readonly folder: string; readonly index: number }>();
    for (const { folder, patches } of this.#drafts) {
      for (const [index, patch] of patches.entries()) {
        if (!places.has(patch)) places.set(patch, { folder, index });
      }
    }
    await Promise.all(
      Array.from(places, async ([patch, { folder, index }]) => {
        const isThere = await access(join(this.#place.root, patch)).then(
          () => true,
          () => false,
        );
        if (!isThere) this.#report(folder, ["patches", index], `there is no patch ${patch}`);
      }),
    );
  }

  /** Texts are at hand, files are read; what is not there is told by the place that names it. */
  async #script(draft: PackageDraft, name: string, phase: PhaseLayer): Promise<string> {
    if ("script" in phase) return phase.script;
    const path = pathBelowRoot(phase.file);
    const text =
      path === undefined
        ? undefined
        : await readFile(join(this.#place.root, path), "utf8").catch(() => undefined);
    if (text !== undefined) return text;
    const message = `the script ${JSON.stringify(phase.file.path)} can't be read in the repository`;
    this.#report(draft.folder, ["phases", name, "path"], message);
    return "";
  }

  #placed(folder: string, { path, message, isLack = false }: PackageProblem): Promise<Problem> {
    return (isLack ? problemInOwnFile : problemAt)(this.#place, folder, path, message);
  }

  #report(folder: string, path: readonly (string | number)[], message: string): void {
    this.#problems.push(problemAt(this.#place, folder, path, message));
  }
}
