/**
 * `millrace setup`: gets a nats-server onto this machine, through the system's package manager or from the official
 * release, and says what it does.
 */
import { asMillraceError, MillraceError } from "../../model/error.ts";
import { type FoundServer, findServer } from "./find-server.ts";
import { installWith, usableManager } from "./package-manager.ts";
import { pinnedRelease, type ServerRelease } from "./release.ts";
import { downloadServer } from "./release-download.ts";

export const setupWays = ["auto", "apt", "dnf", "brew", "download"] as const;

export interface SetupOptions {
  readonly via: (typeof setupWays)[number];
  readonly environment: NodeJS.ProcessEnv;
  /** Told what is done, one line at a time. */
  readonly say: (line: string) => void;
  /** Another release, or a mirror of the pinned one. */
  readonly release?: ServerRelease;
}

/**
 * Resolves with a server that `findServer` finds from now on. `auto` is content with one that is there, and else
 * tries the package manager that can be used without asking for a password, then the download.
 */
export async function setupServer(options: SetupOptions): Promise<FoundServer> {
  const { via, environment, say, release = pinnedRelease } = options;
  if (via === "download") return downloadServer(release, environment, say);
  if (via !== "auto") return installWith(via, environment, say);
  const present = await findServer(environment).catch((error: unknown) => {
    if (error instanceof MillraceError && error.code === "notFound") return undefined;
    throw error;
  });
  if (present !== undefined) {
    say(`nats-server ${present.version} is there already: ${present.path}`);
    return present;
  }
  const manager = await usableManager(environment);
  if (manager === undefined) return downloadServer(release, environment, say);
  try {
    return await installWith(manager, environment, say);
  } catch (error) {
    const { message } = asMillraceError(error, `${manager} failed`);
    say(`${message}; downloading the official release instead`);
    return downloadServer(release, environment, say);
  }
}
