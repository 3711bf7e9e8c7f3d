/** The dependencies of a repository the other way round. */
import { type BuildSite, dependencyCounts, dependencyTarget } from "./dependency.ts";
import { type DependencyKind, dependencyKinds, type Package } from "./package.ts";
import type { PackageIndex } from "./package-index.ts";

export interface DependantsOptions {
  /** Only under conditions that hold there; without one, under any. */
  readonly site?: BuildSite;
  readonly kinds?: readonly DependencyKind[];
}

/** Who names a package as a dependency, directly, in the order of the repository. */
export function dependantsOf(
  packages: readonly Package[],
  index: PackageIndex,
  { site, kinds = dependencyKinds }: DependantsOptions = {},
): ReadonlyMap<Package, readonly Package[]> {
  const dependants = new Map<Package, Package[]>();
  for (const item of packages) {
    const targets = new Set<Package>();
    for (const dependency of kinds.flatMap((kind) => item.dependencies[kind])) {
      if (site !== undefined && !dependencyCounts(dependency, site)) continue;
      const named = dependencyTarget(dependency);
      const target = named && index.find(named.name, named.version);
      if (target !== undefined) targets.add(target);
    }
    for (const target of targets) {
      const known = dependants.get(target);
      if (known === undefined) dependants.set(target, [item]);
      else known.push(item);
    }
  }
  return dependants;
}

/** The packages and all that depends on them, directly or not. */
export function withDependants(
  packages: readonly Package[],
  dependants: ReadonlyMap<Package, readonly Package[]>,
): Set<Package> {
  const reached = new Set(packages);
  // A set takes in what is added while it is walked.
  for (const item of reached) for (const dependant of dependants.get(item) ?? []) reached.add(dependant);
  return reached;
}
