/**
 * Where the sources of packages are kept, in butido's layout: `<cache>/<name>-<version>/<id>.source`. Names, versions
 * and ids come from files that others write, and none of them leads out of the cache.
 */
import { join } from "node:path";
import { MillraceError } from "../../shared/model/error.ts";
import { pathProblem } from "../../shared/store/safe-path.ts";
import type { Package, PackageSource } from "../readers/packages/package.ts";

/** What a package is asked for here. */
export type SourceOwner = Pick<Package, "name" | "version" | "sources">;

/** One source of a package, and where its file belongs. */
export interface CachedSource {
  readonly package: SourceOwner;
  readonly source: PackageSource;
  readonly folder: string;
  /** Name of the file in the folder; jobs see it under this name, too. */
  readonly file: string;
  readonly path: string;
}

/**
 * The sources of packages with their places in the cache, in the order of the packages. Throws `conflict` when two that
 * differ have one place: butido's layout does not tell version `1-2` of `a` from version `2` of `a-1`.
 */
export function cachedSources(cache: string, packages: Iterable<SourceOwner>): CachedSource[] {
  const all = [...packages].flatMap((owner) =>
    owner.sources.map((source) => cachedSource(cache, owner, source)),
  );
  const places = new Map<string, CachedSource>();
  for (const cached of all) {
    const other = places.get(cached.path);
    if (other !== undefined && !isSameContent(other, cached)) throw samePlace(other, cached);
    places.set(cached.path, cached);
  }
  return all;
}

function isSameContent(
  { source: { hash: left } }: CachedSource,
  { source: { hash: right } }: CachedSource,
): boolean {
  return left.type === right.type && left.hash.toLowerCase() === right.hash.toLowerCase();
}

function samePlace(one: CachedSource, other: CachedSource): MillraceError {
  const both = `${sourceLabel(one)} and ${sourceLabel(other)}`;
  return new MillraceError("conflict", `the sources ${both} differ, and both belong at ${one.path}`, {
    fix: "Give one of them another id.",
  });
}

function cachedSource(cache: string, owner: SourceOwner, source: PackageSource): CachedSource {
  const folder = join(cache, onePart(`${owner.name}-${owner.version}`, "name and version", owner));
  const file = onePart(`${source.id}.source`, `source id ${JSON.stringify(source.id)}`, owner);
  return { package: owner, source, folder, file, path: join(folder, file) };
}

function onePart(name: string, what: string, { name: owner, version }: SourceOwner): string {
  const problem = name.includes("/") ? "holds a slash" : pathProblem(name);
  if (problem === undefined) return name;
  throw new MillraceError(
    "badInput",
    `${what} of package ${owner} ${version} can't name a file: it ${problem}`,
    {
      fix: "Use letters, digits, dots, dashes and underscores.",
    },
  );
}

/** How messages name a source: `zlib 1.3 src`. */
export function sourceLabel({ package: { name, version }, source }: CachedSource): string {
  return `${name} ${version} ${source.id}`;
}
