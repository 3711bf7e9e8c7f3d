import { MemoryReuseStore } from "../../coordinator/journal/memory-reuse-store.ts";
import type { ReuseStores } from "../../coordinator/journal/reuse-stores.ts";

/** What is remembered of jobs, and the artifacts that are gone. */
export class MemoryReuse implements ReuseStores {
  readonly store = new MemoryReuseStore();
  readonly gone = new Set<string>();
  readonly announced: string[] = [];
  /** Files of artifacts by digest. */
  readonly files = new Map<string, ReadonlyMap<string, string>>();

  announce = (digest: string): Promise<boolean> => {
    this.announced.push(digest);
    return Promise.resolve(!this.gone.has(digest));
  };

  filesOf = (digest: string): Promise<ReadonlyMap<string, string>> => {
    return Promise.resolve(this.files.get(digest) ?? new Map());
  };
}
