import { isAbsolute, join } from "node:path";

/** Where things are kept that can be had again; nothing when the user has no home. */
export function cacheFolder(environment: NodeJS.ProcessEnv): string | undefined {
  const { XDG_CACHE_HOME: cache, HOME: home } = environment;
  if (cache !== undefined && isAbsolute(cache)) return join(cache, "millrace");
  return home === undefined || home === "" ? undefined : join(home, ".cache", "millrace");
}
