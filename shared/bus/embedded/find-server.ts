/**
 * Which nats-server to start: `MILLRACE_NATS_SERVER`, then PATH, then where distributions put it, then our cache.
 * The first one that runs and is new enough is taken; one named by the variable must be so.
 */
import { execFile } from "node:child_process";
import { constants } from "node:fs";
import { access, readdir } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { cacheFolder } from "../../host/cache-folder.ts";
import { MillraceError } from "../../model/error.ts";
import { isAtLeast, OLDEST_SERVER } from "../features.ts";

export interface FoundServer {
  readonly path: string;
  readonly version: string;
}

const VARIABLE = "MILLRACE_NATS_SERVER";
const PROBE_TIMEOUT_MS = 5_000;
const systemFolders = ["/usr/sbin", "/usr/local/sbin", "/usr/local/bin"];

/** Finds a server to start, or throws `notFound` with the ways to get one. */
export async function findServer(environment: NodeJS.ProcessEnv): Promise<FoundServer> {
  const named = environment[VARIABLE];
  if (named !== undefined && named !== "") return namedServer(named);
  const refusals: string[] = [];
  for (const path of await candidates(environment)) {
    const probed = await probe(path);
    if (typeof probed !== "string") return probed;
    refusals.push(probed);
  }
  throw new MillraceError("notFound", ["no nats-server found", ...refusals].join("; "), {
    fix:
      "Run `millrace setup`, or install it (`apt-get install nats-server`, `brew install nats-server`), " +
      `or name one in ${VARIABLE}, or use a running one with --server.`,
  });
}

/** The version of the server at the path, or a clause that says why it cannot be used. */
export async function probe(path: string): Promise<FoundServer | string> {
  let output: string;
  try {
    output = (await promisify(execFile)(path, ["--version"], { timeout: PROBE_TIMEOUT_MS })).stdout;
  } catch (error) {
    return `${path} does not run (${error instanceof Error ? firstLine(error.message) : String(error)})`;
  }
  const version = /^nats-server: v(\S+)/m.exec(output)?.[1];
  if (version === undefined) return `${path} is not a nats-server`;
  if (!isAtLeast(version, OLDEST_SERVER)) return `${path} is ${version}, older than ${OLDEST_SERVER}`;
  return { path, version };
}

async function namedServer(path: string): Promise<FoundServer> {
  const probed = await probe(path);
  if (typeof probed !== "string") return probed;
  throw new MillraceError("badInput", `${VARIABLE}: ${probed}`, {
    fix: `Set ${VARIABLE} to the path of nats-server ${OLDEST_SERVER} or newer, or unset it.`,
  });
}

async function candidates(environment: NodeJS.ProcessEnv): Promise<string[]> {
  const onPath = (environment.PATH ?? "").split(delimiter).filter((folder) => folder !== "");
  const folders = [...new Set([...onPath, ...systemFolders])];
  const paths = folders.map((folder) => join(folder, "nats-server"));
  const isThere = await Promise.all(paths.map(isExecutable));
  return [...paths.filter((_, index) => isThere[index]), ...(await cached(environment))];
}

async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

/** What `millrace setup` has put there, newest first: an older one may be left from an earlier release of Millrace. */
async function cached(environment: NodeJS.ProcessEnv): Promise<string[]> {
  const folder = cacheFolder(environment);
  if (folder === undefined) return [];
  const names = await readdir(folder).catch(() => []); // no cache yet
  const versions = names.flatMap((name) => /^nats-server-(\d+\.\d+\.\d+)$/.exec(name)?.[1] ?? []);
  versions.sort((a, b) => (isAtLeast(a, b) ? -1 : 1));
  return versions.map((version) => join(folder, `nats-server-${version}`));
}

function firstLine(text: string): string {
  return text.split("\n", 1)[0] ?? "";
}
