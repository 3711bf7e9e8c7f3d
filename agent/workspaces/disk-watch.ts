/** Looks at the room on the file systems that an agent's folders are on. */
import { statfsSync } from "node:fs";
import { statfs } from "node:fs/promises";
import { type DiskSpace, diskTrouble, isFull, type MinFree } from "../core/disk-room.ts";

export interface DiskWatchOptions {
  readonly folders: readonly string[];
  readonly minFree: MinFree;
  /** Frees what can be had again; called before trouble is told. */
  readonly makeRoom: () => Promise<void>;
}

export class DiskWatch {
  readonly #options: DiskWatchOptions;
  #isInTrouble = false;

  constructor(options: DiskWatchOptions) {
    this.#options = options;
  }

  /** What is short, once what can be freed is free. */
  async look(): Promise<string | undefined> {
    let trouble = await this.#trouble();
    if (trouble !== undefined) {
      await this.#options.makeRoom();
      trouble = await this.#trouble();
    }
    this.#isInTrouble = trouble !== undefined;
    return trouble;
  }

  /** Whether one of them is full at this moment. */
  isFull(): boolean {
    return this.#options.folders.some((folder) => isFull(spaceOf(folder, statfsSync(folder))));
  }

  async #trouble(): Promise<string | undefined> {
    const { folders, minFree } = this.#options;
    for (const folder of folders) {
      const trouble = diskTrouble(spaceOf(folder, await statfs(folder)), minFree, this.#isInTrouble);
      if (trouble !== undefined) return trouble;
    }
    return undefined;
  }
}

/** What root alone may use is not free. */
function spaceOf(
  folder: string,
  { bsize, blocks, bavail }: { readonly bsize: number; readonly blocks: number; readonly bavail: number },
): DiskSpace {
  return { folder, totalBytes: bsize * blocks, freeBytes: bsize * bavail };
}
