/** Where a store keeps what it knows of its artifacts, beside their files. */
import { folderName } from "../../shared/model/name.ts";
import type { Provenance } from "../../shared/model/provenance.ts";

/** What is below it is the store's own. */
export const STORE_FOLDER = ".millrace";
/** Folders of packages, with folders of versions. */
export const PACKAGES = `${STORE_FOLDER}/packages`;
const GRAPHS = `${STORE_FOLDER}/graphs`;

/** Path of an artifact's provenance. */
export function provenancePath({ package: { name, version }, artifact }: WhoseArtifact): string {
  return `${PACKAGES}/${folderName(name)}/${folderName(version)}/${artifact.digest}.json`;
}

/** What tells an artifact from all others of a store. */
export type WhoseArtifact = Pick<Provenance, "package"> & {
  readonly artifact: Pick<Provenance["artifact"], "digest">;
};

/** Path of the record of what needed what. */
export function graphPath(digest: string): string {
  return `${GRAPHS}/${digest}.json`;
}

/** All that an artifact has in a store, what lists it first. */
export function pathsOf(provenance: Provenance): string[] {
  return [provenancePath(provenance), ...provenance.files.map(({ path }) => path)];
}

/** Whether a path is one of the store's own. */
export function isStoresOwn(path: string): boolean {
  return path === STORE_FOLDER || path.startsWith(`${STORE_FOLDER}/`);
}
