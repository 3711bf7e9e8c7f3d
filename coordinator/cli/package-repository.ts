/** How a command finds the package repository it is about, and the folders that hold what belongs to it. */
import { relative, resolve } from "node:path";
import { MillraceError } from "../../shared/model/error.ts";
import type { RepositoryPlace } from "../readers/packages/package-places.ts";
import { mistakes, openRepository, type PackageRepository } from "../readers/packages/repository.ts";
import type { RepositoryConfig, StoreFolders } from "../readers/packages/repository-config.ts";
import { readRepositoryConfig } from "../readers/packages/repository-config-reading.ts";
import { findRepository } from "../readers/packages/repository-search.ts";
import type { CommandContext } from "./command-context.ts";

/** The option that names it. */
export interface RepositoryInput {
  readonly repo?: string | undefined;
}

/** Reads it whole. */
export async function openPackages(
  input: RepositoryInput,
  { environment }: CommandContext,
): Promise<PackageRepository> {
  return await openRepository({ ...(await placeOf(input)), environment });
}

/** Reads its configuration alone. */
export async function readConfig(
  input: RepositoryInput,
  { environment }: CommandContext,
): Promise<RepositoryConfig> {
  const reading = await readRepositoryConfig(await placeOf(input), environment);
  if (reading.ok) return reading.config;
  throw mistakes(reading.problems);
}

async function placeOf({ repo }: RepositoryInput): Promise<RepositoryPlace> {
  const root = repo === undefined ? await findRepository(process.cwd()) : resolve(repo);
  return { root, shownRoot: repo ?? (relative(process.cwd(), root) || ".") };
}

const folderOptions = {
  sourceCache: { key: "source_cache", option: "--source-cache" },
  staging: { key: "staging", option: "--staging-dir" },
  releasesRoot: { key: "releases_root", option: "--releases-dir" },
  logDir: { key: "log_dir", option: undefined },
} as const;

/** A folder as the command line names it, or else the configuration; throws `badInput` when neither does. */
export function storeFolder(
  named: string | undefined,
  folders: StoreFolders,
  which: keyof typeof folderOptions,
): string {
  const folder = named === undefined ? folders[which] : resolve(named);
  if (folder !== undefined) return folder;
  const { key, option } = folderOptions[which];
  throw new MillraceError("badInput", `the repository's configuration does not set ${key}`, {
    fix: option === undefined ? "Set it there." : `Set it there, or name the folder with ${option}.`,
  });
}
