import type { BuildSite } from "./dependency.ts";
import type { Package } from "./package.ts";
import { type PackageGraph, packageGraph } from "./package-graph.ts";
import type { PackageIndex } from "./package-index.ts";
import { problemAt } from "./package-places.ts";
import { mistakes, type PackageRepository } from "./repository.ts";

/** The graph of packages; throws `badInput` with the place of every dependency that leads nowhere. */
export async function resolvedGraph(
  repository: PackageRepository,
  index: PackageIndex,
  roots: readonly Package[],
  site: BuildSite,
): Promise<PackageGraph> {
  const reading = packageGraph(index, roots, site);
  if (reading.ok) return reading.graph;
  const problems = reading.mistakes.map(({ package: item, kind, position, message }) =>
    problemAt(repository, item.folder, ["dependencies", kind, position], message),
  );
  throw mistakes(await Promise.all(problems));
}
