/** Which packages may be built where a build happens, by themselves and by all that they need there. */
import { dependantsOf, withDependants } from "./dependants.ts";
import type { BuildSite } from "./dependency.ts";
import { imageObstacle } from "./image-names.ts";
import type { Package } from "./package.ts";
import type { PackageIndex } from "./package-index.ts";

/** The packages of a repository that neither deny the image nor need one that does. */
export function buildableIn(
  packages: readonly Package[],
  index: PackageIndex,
  site: BuildSite,
): ReadonlySet<Package> {
  const { image } = site;
  const barred =
    image === undefined ? [] : packages.filter((item) => imageObstacle(item, image) !== undefined);
  if (barred.length === 0) return new Set(packages);
  const out = withDependants(barred, dependantsOf(packages, index, { site }));
  return new Set(packages.filter((item) => !out.has(item)));
}
