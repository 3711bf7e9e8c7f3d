/**
 * The packages that a build takes, and what needs what: from the roots along all dependencies that count where the
 * build happens. Names are resolved to the one package of that version; both kinds of dependencies order a build.
 *
 * 1. `packages` has every package once, each after all that it needs; so its reverse begins with the roots.
 * 2. `needs[i]` are positions in `packages`, each once, in the order in which the package names them.
 */
import { compileGraph, describeGraphProblem, type Graph, targetsOf } from "../../../shared/model/graph.ts";
import { didYouMean } from "../../../shared/model/nearest-name.ts";
import {
  anySite,
  type BuildSite,
  dependencyCounts,
  dependencyTarget,
  describeBadDependency,
} from "./dependency.ts";
import {
  type Dependency,
  type DependencyKind,
  dependencyKinds,
  type Package,
  packageTitle,
} from "./package.ts";
import type { PackageIndex } from "./package-index.ts";

export interface PackageNeed {
  readonly index: number;
  readonly kinds: readonly DependencyKind[];
}

export interface PackageGraph {
  readonly packages: readonly Package[];
  /** Positions of what was asked for. */
  readonly roots: readonly number[];
  readonly needs: readonly (readonly PackageNeed[])[];
}

/** A dependency that leads nowhere, or in a circle. */
export interface DependencyMistake {
  readonly package: Package;
  readonly kind: DependencyKind;
  /** Position in the package's list. */
  readonly position: number;
  readonly message: string;
}

export type GraphReading =
  | { readonly ok: true; readonly graph: PackageGraph }
  | { readonly ok: false; readonly mistakes: readonly DependencyMistake[] };

interface Edge {
  readonly target: Package;
  readonly kinds: DependencyKind[];
  readonly position: number;
}

/** Resolves all that the roots take. */
export function packageGraph(index: PackageIndex, roots: readonly Package[], site: BuildSite): GraphReading {
  const mistakes: DependencyMistake[] = [];
  const edges = new Map<Package, readonly Edge[]>();
  const open = [...roots];
  for (let item = open.pop(); item !== undefined; item = open.pop()) {
    if (edges.has(item)) continue;
    const found = edgesOf(item, index, (dependency) => dependencyCounts(dependency, site), mistakes);
    edges.set(item, found);
    open.push(...found.map(({ target }) => target));
  }
  if (mistakes.length > 0) return { ok: false, mistakes };
  return ordered(roots, edges);
}

/**
 * What is wrong with the dependencies of packages wherever they are built: those that name nothing, under any condition,
 * and circles of those without one.
 */
export function dependencyMistakes(
  index: PackageIndex,
  packages: readonly Package[],
): readonly DependencyMistake[] {
  const mistakes: DependencyMistake[] = [];
  for (const item of packages) edgesOf(item, index, () => true, mistakes);
  if (mistakes.length > 0) return mistakes;
  const reading = packageGraph(index, packages, anySite);
  return reading.ok ? [] : reading.mistakes;
}

function edgesOf(
  item: Package,
  index: PackageIndex,
  counts: (dependency: Dependency) => boolean,
  mistakes: DependencyMistake[],
): Edge[] {
  const edges = new Map<Package, Edge>();
  for (const kind of dependencyKinds) {
    for (const [position, dependency] of item.dependencies[kind].entries()) {
      if (!counts(dependency)) continue;
      const named = dependencyTarget(dependency);
      const target = named && index.find(named.name, named.version);
      if (target === undefined) {
        const message = named === undefined ? describeBadDependency(dependency) : unknown(item, named, index);
        mistakes.push({ package: item, kind, position, message });
        continue;
      }
      const known = edges.get(target);
      if (known === undefined) edges.set(target, { target, kinds: [kind], position });
      else if (!known.kinds.includes(kind)) known.kinds.push(kind);
    }
  }
  return [...edges.values()];
}

function unknown(item: Package, wanted: { name: string; version: string }, index: PackageIndex): string {
  const versions = index.versions(wanted.name).map(({ version }) => version);
  const hint =
    versions.length === 0 ? didYouMean(wanted.name, index.names()) : `; there is ${versions.join(", ")}`;
  return `${packageTitle(item)} needs ${packageTitle(wanted)}, which is no package${hint}`;
}

function ordered(roots: readonly Package[], edges: ReadonlyMap<Package, readonly Edge[]>): GraphReading {
  const items = [...edges.keys()];
  const shape = {
    jobs: items.map((item) => ({
      name: packageTitle(item),
      needs: edges.get(item)!.map(({ target }) => ({ job: packageTitle(target) })),
    })),
  };
  const compilation = compileGraph(shape);
  if (!compilation.ok) {
    const mistakes = compilation.problems.map((problem): DependencyMistake => {
      const at = problem.kind === "cycle" ? problem.path[0]! : problem.job;
      const item = items[at]!;
      const edge = "need" in problem ? edges.get(item)![problem.need] : undefined;
      const message = describeGraphProblem(problem, shape).replace(/^jobs/, "packages");
      return { package: item, kind: edge?.kinds[0] ?? "build", position: edge?.position ?? 0, message };
    });
    return { ok: false, mistakes };
  }
  const { graph } = compilation;
  const place = new Int32Array(graph.size);
  for (const [position, item] of graph.order.entries()) place[item] = position;
  return {
    ok: true,
    graph: {
      packages: Array.from(graph.order, (item) => items[item]!),
      roots: [...new Set(roots)].map((root) => place[graph.indexOf.get(packageTitle(root))!]!),
      needs: Array.from(graph.order, (item) => needsOf(graph, item, edges.get(items[item]!)!, place)),
    },
  };
}

function needsOf(graph: Graph, item: number, edges: readonly Edge[], place: Int32Array): PackageNeed[] {
  const targets = targetsOf(graph.needs, item);
  return edges.map(({ kinds }, position) => ({ index: place[targets[position]!]!, kinds }));
}
