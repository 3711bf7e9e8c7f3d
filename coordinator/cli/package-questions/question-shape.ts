/** What the commands that ask about packages have in common. */
import { z } from "zod";
import type { BuildSite } from "../../readers/packages/dependency.ts";
import { imageNamed } from "../../readers/packages/image-names.ts";
import { type Dependency, dependencyKinds, type Package } from "../../readers/packages/package.ts";
import { PackageIndex } from "../../readers/packages/package-index.ts";
import type { PackageRepository } from "../../readers/packages/repository.ts";
import type { CommandContext } from "../command-context.ts";
import { exitCode } from "../exit-code.ts";
import { printJson } from "../json-output.ts";
import { buildVariables } from "../package-build/build-targets.ts";
import { openPackages, type RepositoryInput } from "../package-repository.ts";
import { printTable } from "../table-output.ts";

/** The options of all of them. */
export const questionShape = {
  repo: z.string().min(1).optional(),
  json: z.boolean().default(false),
};

/** Where a build would happen, for questions that depend on it. */
export const siteShape = {
  image: z.string().min(1).optional(),
  env: z.array(z.string()).default([]),
};

/** One kind of dependencies or, when none is named, both. */
export const kindShape = { dependencyType: z.enum(dependencyKinds).optional() };

/** A repository that is read, with the packages of it by name. */
export interface AskedRepository {
  readonly repository: PackageRepository;
  readonly index: PackageIndex;
}

export async function askedRepository(
  input: RepositoryInput,
  context: CommandContext,
): Promise<AskedRepository> {
  const repository = await openPackages(input, context);
  return { repository, index: new PackageIndex(repository.packages) };
}

/** The image and the variables that a user names. */
export function askedSite(
  { config }: PackageRepository,
  { image, env }: { readonly image?: string | undefined; readonly env: readonly string[] },
  { environment }: CommandContext,
): BuildSite {
  return {
    image: image === undefined ? undefined : imageNamed(config, image),
    env: buildVariables(config, env, environment),
  };
}

/** A package as programs get it. */
export function packageDocument(item: Package) {
  return {
    name: item.name,
    version: item.version,
    folder: item.folder,
    sources: item.sources,
    dependencies: {
      build: item.dependencies.build.map(dependencyDocument),
      runtime: item.dependencies.runtime.map(dependencyDocument),
    },
    patches: item.patches,
    environment: item.environment ?? [],
    allowedImages: item.allowedImages ?? null,
    deniedImages: item.deniedImages ?? [],
    phases: [...item.phases.keys()],
    meta: item.meta ?? [],
  };
}

export function dependencyDocument({ text, condition }: Dependency) {
  if (condition === undefined) return { text };
  const { hasEnv, envEquals, inImage } = condition;
  return {
    text,
    condition: {
      ...(hasEnv === undefined ? {} : { hasEnv }),
      ...(envEquals === undefined ? {} : { envEquals: [...envEquals] }),
      ...(inImage === undefined ? {} : { inImage }),
    },
  };
}

/** Prints packages one a line, as lists do. */
export async function printPackages(
  items: readonly Package[],
  json: boolean,
  { terminal }: CommandContext,
): Promise<number> {
  if (json) {
    await printJson(
      terminal,
      items.map(({ name, version, folder }) => ({ name, version, folder })),
    );
    return exitCode.succeeded;
  }
  const columns = [{ title: "PACKAGE" }, { title: "VERSION" }, { title: "FOLDER" }];
  const rows = items.map(({ name, version, folder }) => [name, version, folder]);
  if (rows.length > 0) await printTable(terminal, columns, rows);
  return exitCode.succeeded;
}
