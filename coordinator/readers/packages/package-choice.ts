/** Which packages of a repository a command is about: those of a name, of a version, or with a name that matches. */
import { MillraceError } from "../../../shared/model/error.ts";
import { didYouMean } from "../../../shared/model/nearest-name.ts";
import type { Package } from "./package.ts";
import { versionConstraint } from "./version-constraint.ts";

export interface PackageChoice {
  readonly name?: string | undefined;
  /** A constraint on the version; only with a name. */
  readonly version?: string | undefined;
  readonly matching?: RegExp | undefined;
}

/** All that fit, in the repository's order; throws `notFound` when a name or version that was given is not there. */
export function choosePackages<P extends Pick<Package, "name" | "version">>(
  packages: readonly P[],
  { name, version, matching }: PackageChoice,
): P[] {
  const named = name === undefined ? packages : packages.filter((candidate) => candidate.name === name);
  if (name !== undefined && named.length === 0) {
    const names = new Set(packages.map((candidate) => candidate.name));
    throw new MillraceError(
      "notFound",
      `there is no package ${JSON.stringify(name)}${didYouMean(name, names)}`,
      { fix: `There is ${listed([...names])}.` },
    );
  }
  const fits = version === undefined ? () => true : versionConstraint(version);
  const chosen = named.filter((candidate) => fits(candidate.version));
  if (chosen.length === 0 && version !== undefined) {
    const versions = named.map((candidate) => candidate.version);
    throw new MillraceError("notFound", `there is no version ${version} of package ${name ?? ""}`, {
      fix: `Its versions are ${listed(versions)}.`,
    });
  }
  return matching === undefined ? chosen : chosen.filter((candidate) => matching.test(candidate.name));
}

const SHOWN_NAMES = 20;

function listed(names: readonly string[]): string {
  if (names.length === 0) return "none";
  const more = names.length - SHOWN_NAMES;
  return names.slice(0, SHOWN_NAMES).join(", ") + (more > 0 ? ` and ${more} more` : "");
}
