/** What the words of `millrace build` mean: packages with versions, images, variables. */
import { MillraceError } from "../../../shared/model/error.ts";
import type { Pairs } from "../../../shared/model/job-spec.ts";
import { affectedPackages } from "../../readers/packages/affected-packages.ts";
import { givenEnvironment, variableObstacle } from "../../readers/packages/build-environment.ts";
import { buildableIn } from "../../readers/packages/buildable-packages.ts";
import type { BuildSite } from "../../readers/packages/dependency.ts";
import { imageNamed } from "../../readers/packages/image-names.ts";
import type { Package } from "../../readers/packages/package.ts";
import type { PackageIndex } from "../../readers/packages/package-index.ts";
import type { PackageRepository } from "../../readers/packages/repository.ts";
import type { RepositoryConfig } from "../../readers/packages/repository-config.ts";

/** What chooses the packages of a build. */
export interface TargetInput {
  /** `NAME [VERSION]...`, over and over. */
  readonly packages: readonly string[];
  readonly all: boolean;
  readonly affectedBy?: string | undefined;
}

/** The packages that are asked for by name; those of `--all` and `--affected-by` depend on the image. */
export function namedPackages(index: PackageIndex, words: readonly string[]): Package[] {
  const found = new Set<Package>();
  let name: string | undefined;
  let hasVersion = true;
  for (const word of words) {
    if (name !== undefined && isVersionOf(index, name, word)) {
      found.add(index.one(name, word));
      hasVersion = true;
      continue;
    }
    if (name !== undefined && !hasVersion) found.add(index.one(name));
    name = word;
    hasVersion = false;
  }
  if (name !== undefined && !hasVersion) found.add(index.one(name));
  return [...found];
}

/** A word after a name is a version when it looks like one and is no other package, or when the package has it. */
function isVersionOf(index: PackageIndex, name: string, word: string): boolean {
  if (index.find(name, word) !== undefined || word.startsWith("=")) return true;
  return /^\d/.test(word) && index.versions(word).length === 0;
}

/** Throws `badInput` unless packages are chosen in just one way. */
export function refuseUnclearTargets({ packages, all, affectedBy }: TargetInput): void {
  const ways = [packages.length > 0, all, affectedBy !== undefined].filter(Boolean).length;
  if (ways === 1) return;
  const message = ways === 0 ? "nothing says what to build" : "packages are chosen in more than one way";
  throw new MillraceError("badInput", message, {
    fix: "Name packages, or give either --all or --affected-by REVISION.",
  });
}

/** What is to be built in an image, and what was left out as it may not be. */
export function targetsIn(
  { packages }: Pick<PackageRepository, "packages">,
  index: PackageIndex,
  site: BuildSite,
  changed: readonly string[] | undefined,
): { readonly roots: readonly Package[]; readonly leftOut: readonly Package[] } {
  const wanted = changed === undefined ? packages : affectedPackages(packages, index, changed);
  const buildable = buildableIn(packages, index, site);
  return {
    roots: wanted.filter((item) => buildable.has(item)),
    leftOut: wanted.filter((item) => !buildable.has(item)),
  };
}

/** Long names of the images; where the configuration has just one, it need not be named. */
export function buildImages(
  config: Pick<RepositoryConfig, "images">,
  named: readonly string[],
): (string | undefined)[] {
  if (named.length > 0) return [...new Set(named.map((name) => imageNamed(config, name)))];
  const { images } = config;
  if (images === undefined || images.length === 0) return [undefined];
  if (images.length === 1) return [images[0]!.name];
  throw new MillraceError("badInput", "nothing says on which image to build", {
    fix: `Give --image, once or more: ${images.map(({ name, shortName }) => shortName ?? name).join(", ")}.`,
  });
}

/** The variables that users set; throws `badInput` with all that is wrong with them. */
export function buildVariables(
  config: RepositoryConfig,
  assignments: readonly string[],
  around: NodeJS.ProcessEnv,
): Pairs {
  const { pairs, mistakes } = givenEnvironment(assignments, around);
  const obstacles = pairs.flatMap(([name]) => variableObstacle(config, name) ?? []);
  const sentences = [...mistakes, ...obstacles];
  if (sentences.length > 0) throw new MillraceError("badInput", sentences.join("\n"));
  return pairs;
}
