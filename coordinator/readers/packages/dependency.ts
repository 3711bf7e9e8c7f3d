/** What a dependency names, and when it counts. */
import type { Pairs } from "../../../shared/model/job-spec.ts";
import type { Dependency, DependencyCondition } from "./package.ts";

/** A package that another one names; the version is the one and only that will do. */
export interface DependencyTarget {
  readonly name: string;
  readonly version: string;
}

/** Where a build happens, as conditions ask for it. */
export interface BuildSite {
  /** Long name of the image. */
  readonly image: string | undefined;
  /** What the user sets, not what packages set themselves. */
  readonly env: Pairs;
}

/** Nowhere in particular, as questions have it that name no image. */
export const anySite: BuildSite = { image: undefined, env: [] };

const written = /^([A-Za-z0-9][A-Za-z0-9._-]*) =?(\d[!-~]*)$/;

/** Reads `zlib =1.3`; undefined when it is nothing of the kind. */
export function dependencyTarget({ text }: Dependency): DependencyTarget | undefined {
  const [, name, version] = written.exec(text) ?? [];
  return name === undefined || version === undefined ? undefined : { name, version };
}

/** What is wrong with a dependency that names nothing. */
export function describeBadDependency({ text }: Dependency): string {
  const isRange = /^\S+ [<>*^~]/.test(text);
  const rule = 'a dependency is a name and an exact version, such as "zlib =1.3"';
  return `${JSON.stringify(text)} names no package: ${isRange ? "ranges of versions are not supported; " : ""}${rule}`;
}

/** Whether a dependency counts where the build happens. */
export function dependencyCounts({ condition }: Dependency, site: BuildSite): boolean {
  return condition === undefined || conditionHolds(condition, site);
}

function conditionHolds({ hasEnv, envEquals, inImage }: DependencyCondition, site: BuildSite): boolean {
  const env = new Map(site.env);
  if (hasEnv !== undefined && !listOf(hasEnv).every((variable) => env.has(variable))) return false;
  if (envEquals !== undefined && ![...envEquals].every(([variable, value]) => env.get(variable) === value)) {
    return false;
  }
  return inImage === undefined || listOf(inImage).some((image) => image === site.image);
}

function listOf(oneOrMore: string | readonly string[]): readonly string[] {
  return typeof oneOrMore === "string" ? [oneOrMore] : oneOrMore;
}
