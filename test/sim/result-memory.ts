import type { ReuseStores } from "../../coordinator/journal/reuse-stores.ts";
import { MillraceError } from "../../shared/model/error.ts";
import type { ArtifactShelf } from "./artifact-shelf.ts";
import type { SimulatedProcess } from "./simulated-process.ts";
import type { World } from "./world.ts";

/** How long the store of results takes, and how often it does not answer, or says that it can't. */
export interface MemoryTrouble {
  readonly longestMs: number;
  readonly silences: number;
  readonly refusals: number;
}

export const SOUND_MEMORY: MemoryTrouble = { longestMs: 5, silences: 0, refusals: 0 };

/** What is remembered of jobs, as one process of a simulation reaches it. */
export function resultMemory(shelf: ArtifactShelf, process: SimulatedProcess, world: World): ReuseStores {
  const chance = world.reuse ?? world.chance;
  const store = shelf.results;
  const reach = <T>(act: () => T): Promise<T> => {
    const { longestMs, silences, refusals } = world.memoryTrouble;
    if (chance.happens(silences)) return new Promise(() => undefined);
    return new Promise((resolve, reject) => {
      const isRefused = chance.happens(refusals);
      process.schedule(chance.between(0, longestMs), () => {
        if (isRefused) reject(new MillraceError("unavailable", "the store of results is away"));
        else resolve(act());
      });
    });
  };
  return {
    store: {
      find: (kind, key) => reach(() => store.resultOf(kind, key)),
      lastTime: (job) => reach(() => store.timeOf(job)),
      remember: (kind, result) => reach(() => store.take(kind, result)),
      rememberTime: (job, last) => reach(() => store.takeTime(job, last)),
    },
    announce: (digest) => reach(() => shelf.announce(digest)),
    filesOf: () => reach(() => new Map<string, string>()),
  };
}
