/** Which packages a change of files affects: those that are made of them, and all that depends on such. */
import { dirname } from "node:path";
import { dependantsOf, withDependants } from "./dependants.ts";
import type { Package } from "./package.ts";
import type { PackageIndex } from "./package-index.ts";
import { foldersUpwards, PACKAGE_FILE } from "./package-tree.ts";
import { CONFIG_FILE } from "./repository-config-reading.ts";

/** The packages that changed files affect, in the order of the repository. Paths are relative to its root. */
export function affectedPackages(
  packages: readonly Package[],
  index: PackageIndex,
  changed: Iterable<string>,
): Package[] {
  const files = new Set(changed);
  if (files.has(CONFIG_FILE)) return [...packages];
  const folders = new Set([...files].filter((file) => isPackageFile(file)).map((file) => dirname(file)));
  const made = packages.filter(
    ({ folder, patches, phaseFiles }) =>
      foldersUpwards(folder).some((above) => folders.has(above)) ||
      [...patches, ...phaseFiles].some((file) => files.has(file)),
  );
  const affected = withDependants(made, dependantsOf(packages, index));
  return packages.filter((item) => affected.has(item));
}

function isPackageFile(file: string): boolean {
  return file === PACKAGE_FILE || file.endsWith(`/${PACKAGE_FILE}`);
}
