/** A package as its `pkg.toml` files describe it, merged from the repository's root down to its own folder. */
import type { Pairs } from "../../../shared/model/job-spec.ts";

export type HashType = "sha1" | "sha256" | "sha512";

/** A file that is fetched from elsewhere and reaches the job as `/inputs/<id>.source`. */
export interface PackageSource {
  readonly id: string;
  /** As browsers write it: `https://example.com` is `https://example.com/`. */
  readonly url: string;
  readonly hash: { readonly type: HashType; readonly hash: string };
  /** It can't be fetched by a program: somebody has to put it into the source cache. */
  readonly downloadManually: boolean;
}

/** When a dependency counts; all that is given must hold. */
export interface DependencyCondition {
  /** All of these variables are set. */
  readonly hasEnv?: string | readonly string[];
  /** These variables have these values. */
  readonly envEquals?: ReadonlyMap<string, string>;
  /** The job runs in one of these images. */
  readonly inImage?: string | readonly string[];
}

export interface Dependency {
  /** As it is written: `zlib =1.3`. */
  readonly text: string;
  readonly condition: DependencyCondition | undefined;
}

export type DependencyKind = "build" | "runtime";

export const dependencyKinds: readonly DependencyKind[] = ["build", "runtime"];

export interface Package {
  readonly name: string;
  readonly version: string;
  readonly versionIsSemver: boolean;
  /** In order of their ids. */
  readonly sources: readonly PackageSource[];
  readonly dependencies: Readonly<Record<DependencyKind, readonly Dependency[]>>;
  /** Relative to the repository's root, without `.` and `..`. */
  readonly patches: readonly string[];
  /** Undefined where no file says anything, which scripts can tell from an empty one. */
  readonly environment: Pairs | undefined;
  readonly allowedImages: readonly string[] | undefined;
  readonly deniedImages: readonly string[] | undefined;
  /** Text of the script by phase. */
  readonly phases: ReadonlyMap<string, string>;
  /** Files that phases are read from, relative to the root. */
  readonly phaseFiles: readonly string[];
  /** Whatever scripts may want to know; undefined where no file says anything. */
  readonly meta: Pairs | undefined;
  /** Where its own `pkg.toml` lies, relative to the repository's root; `.` is the root. */
  readonly folder: string;
}

/** How a package is called in messages and where jobs are named: `zlib 1.3`. */
export function packageTitle({ name, version }: Pick<Package, "name" | "version">): string {
  return `${name} ${version}`;
}

/** By name, then by version as text: the order in which lists show packages. */
export function comparePackages(
  left: Pick<Package, "name" | "version">,
  right: Pick<Package, "name" | "version">,
): number {
  return compareTexts(left.name, right.name) || compareTexts(left.version, right.version);
}

/** Not by locale: lists are the same on every machine. */
export function compareTexts(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}
