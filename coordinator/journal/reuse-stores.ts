/** What reuse needs of the artifacts: that they are kept, and which files are in them. */
import { ArtifactStore } from "../../shared/store/artifact-store.ts";
import type { Objects } from "../../shared/store/objects.ts";
import type { ReuseStore } from "./reuse-store.ts";

/** What remembers results, and holds what they are. */
export interface ReuseStores {
  readonly store: ReuseStore;
  /** Announces an artifact; false where it is not there. */
  readonly announce: (digest: string) => Promise<boolean>;
  /** The files of an artifact: what is in each, by its path. */
  readonly filesOf: (digest: string) => Promise<ReadonlyMap<string, string>>;
}

/** Both in one namespace. */
export function openReuseStores(store: ReuseStore, objects: Objects): ReuseStores {
  const artifacts = new ArtifactStore(objects);
  return {
    store,
    announce: async (digest) => {
      const names = [`artifact/${digest}`, `manifest/${digest}`];
      const areThere = await Promise.all(names.map((name) => objects.announce(name)));
      return areThere.every((isThere) => isThere);
    },
    filesOf: async (digest) => {
      const { entries } = await artifacts.manifest(digest);
      return new Map(entries.map((entry) => [entry.path, JSON.stringify(entry)]));
    },
  };
}
