/** What keeps an artifact out of a store. */
import { MillraceError } from "../../shared/model/error.ts";
import type { PackageVersion, Provenance } from "../../shared/model/provenance.ts";

/** What stands in the way of a file that is to be put. */
export type Conflict =
  /** A file of another artifact is at the path, or where a folder must be. */
  | { readonly kind: "owned"; readonly path: string; readonly owner: Provenance }
  /** A file is at the path that no provenance names. */
  | { readonly kind: "stranger"; readonly path: string }
  /** A folder is at the path, or something else is where a folder must be. */
  | { readonly kind: "blocked"; readonly path: string };

/** Says of an artifact what stands in its way. */
export function conflictError(
  owner: PackageVersion,
  root: string,
  conflicts: readonly Conflict[],
): MillraceError {
  const listed = conflicts.map(describeConflict).join(", ");
  return new MillraceError(
    "conflict",
    `${owner.name} ${owner.version} can't be put into ${root}: ${listed}`,
    {
      fix: "Have the packages' scripts give their files different names.",
    },
  );
}

/** The conflict as a clause: `a.pkg is there, of a 1`. */
export function describeConflict(conflict: Conflict): string {
  switch (conflict.kind) {
    case "owned":
      return `${conflict.path} is there, of ${conflict.owner.package.name} ${conflict.owner.package.version}`;
    case "stranger":
      return `${conflict.path} is there, and no provenance names it`;
    case "blocked":
      return `${conflict.path} is there, and a file and a folder can't have one name`;
  }
}
