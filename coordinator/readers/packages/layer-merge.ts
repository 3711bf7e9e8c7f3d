/**
 * Layers of a package, merged from the root of the repository down: tables key by key, anything else as a whole, the
 * deeper file wins. What a path in a file is relative to stays known.
 *
 * 1. To merge an empty layer changes nothing.
 * 2. Merging is associative: packages below one folder share what is merged down to it.
 */
import type { DependencyKind } from "./package.ts";
import { dependencyKinds } from "./package.ts";
import type { DependencyEntry, PackageLayer, SourceLayer } from "./package-layer.ts";

/** A path that a file names, with the folder of that file. */
export interface NamedPath {
  readonly path: string;
  readonly folder: string;
}

/** The script of a phase: its text, or the file it is in. */
export type PhaseLayer = { readonly script: string } | { readonly file: NamedPath };

/** All that a chain of files says of a package. */
export interface MergedLayers {
  readonly name?: string;
  readonly version?: string;
  readonly versionIsSemver?: boolean;
  readonly sources: ReadonlyMap<string, SourceLayer>;
  readonly dependencies: Readonly<Record<DependencyKind, readonly DependencyEntry[] | undefined>>;
  readonly patches?: readonly NamedPath[];
  readonly environment?: ReadonlyMap<string, string>;
  readonly allowedImages?: readonly string[];
  readonly deniedImages?: readonly string[];
  readonly phases: ReadonlyMap<string, PhaseLayer>;
  readonly meta?: ReadonlyMap<string, string>;
}

/** What is above the root. */
export const noLayers: MergedLayers = {
  sources: new Map(),
  dependencies: { build: undefined, runtime: undefined },
  phases: new Map(),
};

/** Puts a file over what those above it say; `folder` is where it lies, relative to the root. */
export function mergeLayer(above: MergedLayers, layer: PackageLayer, folder: string): MergedLayers {
  return {
    ...above,
    ...scalarsOf(layer),
    sources: mergedMaps(above.sources, layer.sources, mergedSources),
    dependencies:
      layer.dependencies === undefined
        ? above.dependencies
        : mergedDependencies(above.dependencies, layer.dependencies),
    ...(layer.patches === undefined ? {} : { patches: layer.patches.map((path) => ({ path, folder })) }),
    ...mergedOptional("environment", above.environment, layer.environment),
    ...mergedOptional("meta", above.meta, layer.meta),
    phases: mergedMaps(above.phases, phasesOf(layer, folder), (_, phase) => phase),
  };
}

function scalarsOf({ name, version, version_is_semver, allowed_images, denied_images }: PackageLayer) {
  return {
    ...(name === undefined ? {} : { name }),
    ...(version === undefined ? {} : { version }),
    ...(version_is_semver === undefined ? {} : { versionIsSemver: version_is_semver }),
    ...(allowed_images === undefined ? {} : { allowedImages: allowed_images }),
    ...(denied_images === undefined ? {} : { deniedImages: denied_images }),
  };
}

function mergedSources(above: SourceLayer, below: SourceLayer): SourceLayer {
  const merged: SourceLayer = { ...above, ...below };
  if (above.hash !== undefined && below.hash !== undefined) merged.hash = { ...above.hash, ...below.hash };
  return merged;
}

function mergedDependencies(
  above: MergedLayers["dependencies"],
  below: NonNullable<PackageLayer["dependencies"]>,
): MergedLayers["dependencies"] {
  const [build, runtime] = dependencyKinds.map((kind) => below[kind] ?? above[kind]);
  return { build, runtime };
}

function phasesOf({ phases }: PackageLayer, folder: string): Map<string, PhaseLayer> | undefined {
  if (phases === undefined) return undefined;
  const found = new Map<string, PhaseLayer>();
  for (const [name, { script, path }] of phases) {
    if (script !== undefined) found.set(name, { script });
    else if (path !== undefined) found.set(name, { file: { path, folder } });
  }
  return found;
}

function mergedOptional<K extends string, V>(
  key: K,
  above: ReadonlyMap<string, V> | undefined,
  below: ReadonlyMap<string, V> | undefined,
): { [key in K]?: ReadonlyMap<string, V> } {
  if (below === undefined) return {};
  const merged = above === undefined ? below : mergedMaps(above, below, (_, value) => value);
  return { [key]: merged } as { [key in K]?: ReadonlyMap<string, V> };
}

function mergedMaps<V>(
  above: ReadonlyMap<string, V>,
  below: ReadonlyMap<string, V> | undefined,
  merge: (above: V, below: V) => V,
): ReadonlyMap<string, V> {
  if (below === undefined) return above;
  const merged = new Map(above);
  for (const [key, value] of below) {
    const known = merged.get(key);
    merged.set(key, known === undefined ? value : merge(known, value));
  }
  return merged;
}
