/** Whose the paths of a store are. A path belongs to one artifact, and where one has a file no other has a folder. */
import type { Provenance } from "../../shared/model/provenance.ts";
import { foldersAbove } from "../../shared/store/safe-path.ts";
import type { Conflict } from "./store-conflict.ts";
import { provenancePath } from "./store-layout.ts";

/** The files of artifacts, as far as they are known. */
export class PathClaims {
  readonly #owners = new Map<string, Provenance>();

  claim(provenance: Provenance): void {
    for (const { path } of provenance.files) this.#owners.set(path, provenance);
  }

  release(provenance: Provenance): void {
    for (const { path } of provenance.files) this.#owners.delete(path);
  }

  has(path: string): boolean {
    return this.#owners.has(path);
  }

  /** The file of another artifact that stands in the way of this one's. */
  conflictAt(path: string, provenance: Provenance): Conflict | undefined {
    const own = provenancePath(provenance);
    for (const place of [...foldersAbove(path), path]) {
      const owner = this.#owners.get(place);
      if (owner !== undefined && provenancePath(owner) !== own) return { kind: "owned", path: place, owner };
    }
    return undefined;
  }
}

/** The paths of artifacts that are to come together, of which the disk knows nothing. */
export class NewPaths {
  readonly #claims = new PathClaims();
  readonly #folders = new Set<string>();

  claim(provenance: Provenance): void {
    this.#claims.claim(provenance);
    for (const { path } of provenance.files)
      for (const folder of foldersAbove(path)) this.#folders.add(folder);
  }

  conflictsOf(provenance: Provenance): Conflict[] {
    return provenance.files.flatMap(({ path }): Conflict[] => {
      const conflict = this.#claims.conflictAt(path, provenance);
      if (conflict !== undefined) return [conflict];
      return this.#folders.has(path) ? [{ kind: "blocked", path }] : [];
    });
  }
}
