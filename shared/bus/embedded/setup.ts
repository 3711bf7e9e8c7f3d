/**
 * `millrace setup`: gets a nats-server onto this machine, through the system's package manager or from the official
 * release. A download is kept only when its SHA-256 is the pinned one, and appears in the cache in one step.
 */
import { createHash, randomBytes } from "node:crypto";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { execa } from "execa";
import { extract } from "tar-stream";
import { asMillraceError, MillraceError } from "../../model/error.ts";
import { cacheFolder, type FoundServer, findServer, probe } from "./find-server.ts";
import { pinnedRelease, platformOf, type ServerRelease } from "./release.ts";

export const setupWays = ["auto", "apt", "dnf", "brew", "download"] as const;
export type SetupWay = (typeof setupWays)[number];

export interface SetupOptions {
  readonly via: SetupWay;
  readonly environment: NodeJS.ProcessEnv;
  /** Told what is done, one line at a time. */
  readonly say: (line: string) => void;
  /** Another release, or a mirror of the pinned one. */
  readonly release?: ServerRelease;
}

const DOWNLOAD_TIMEOUT_MS = 300_000;

/** Commands of each package manager, and whether they must be run as root. */
const managers = {
  apt: {
    needsRoot: true,
    commands: [
      ["apt-get", "update"],
      ["apt-get", "install", "-y", "--no-install-recommends", "nats-server"],
    ],
  },
  dnf: { needsRoot: true, commands: [["dnf", "install", "-y", "nats-server"]] },
  brew: { needsRoot: false, commands: [["brew", "install", "nats-server"]] },
} as const;
type Manager = keyof typeof managers;

/**
 * Resolves with a server that `findServer` finds from now on. `auto` is content with one that is there, and else
 * tries the package manager that can be used without asking for a password, then the download.
 */
export async function setupServer(options: SetupOptions): Promise<FoundServer> {
  const { via, environment, say } = options;
  if (via === "download") return download(options);
  if (via !== "auto") return installWith(via, options);
  const present = await findServer(environment).catch((error: unknown) => {
    if (error instanceof MillraceError && error.code === "notFound") return undefined;
    throw error;
  });
  if (present !== undefined) {
    say(`nats-server ${present.version} is there already: ${present.path}`);
    return present;
  }
  const manager = await usableManager(environment);
  if (manager === undefined) return download(options);
  try {
    return await installWith(manager, options);
  } catch (error) {
    const { message } = asMillraceError(error, `${manager} failed`);
    say(`${message}; downloading the official release instead`);
    return download(options);
  }
}

async function installWith(manager: Manager, { environment, say }: SetupOptions): Promise<FoundServer> {
  const { needsRoot, commands } = managers[manager];
  if (needsRoot && !isRoot()) {
    throw new MillraceError("refused", `${manager} must be run as root`, {
      fix: `Run \`sudo ${commands.at(-1)?.join(" ")}\`, or \`millrace setup --via download\`.`,
    });
  }
  for (const [program, ...words] of commands) {
    say(`running ${[program, ...words].join(" ")}`);
    await run(program, words, environment);
  }
  const found = await findServer(environment);
  say(`nats-server ${found.version} is installed: ${found.path}`);
  return found;
}

async function run(program: string, words: readonly string[], environment: NodeJS.ProcessEnv): Promise<void> {
  try {
    await execa(program, words, {
      env: { ...environment, DEBIAN_FRONTEND: "noninteractive" },
      extendEnv: false,
      // A package manager's output is for the user; stdout stays for what the command itself answers.
      stdout: process.stderr,
      stderr: process.stderr,
      buffer: false,
    });
  } catch (cause) {
    throw new MillraceError("unavailable", `${program} failed`, {
      fix: "See its messages above, or try another way: `millrace setup --via download`.",
      cause,
    });
  }
}

async function usableManager(environment: NodeJS.ProcessEnv): Promise<Manager | undefined> {
  for (const manager of Object.keys(managers) as Manager[]) {
    const { needsRoot, commands } = managers[manager];
    if (needsRoot && !isRoot()) continue;
    const { failed } = await execa(commands[0][0], ["--version"], {
      env: environment,
      extendEnv: false,
      stdio: "ignore",
      reject: false,
    });
    if (!failed) return manager;
  }
  return undefined;
}

function isRoot(): boolean {
  return process.getuid?.() === 0;
}

async function download({ environment, say, release = pinnedRelease }: SetupOptions): Promise<FoundServer> {
  const platform = platformOf(process.platform, process.arch);
  if (platform === undefined) {
    throw new MillraceError(
      "unsupported",
      `no release is pinned for ${process.platform} on ${process.arch}`,
      {
        fix: "Install nats-server yourself and name it in MILLRACE_NATS_SERVER.",
      },
    );
  }
  const folder = cacheFolder(environment);
  if (folder === undefined) {
    throw new MillraceError("badInput", "there is no folder to keep nats-server in", {
      fix: "Set HOME or XDG_CACHE_HOME.",
    });
  }
  const name = `nats-server-v${release.version}-${platform}`;
  const url = `${release.baseUrl}/v${release.version}/${name}.tar.gz`;
  say(`downloading ${url}`);
  const archive = await fetchArchive(url);
  checkSum(url, archive, release.sha256[platform]);
  const path = await unpack(archive, `${name}/nats-server`, folder, `nats-server-${release.version}`);
  const probed = await probe(path);
  if (typeof probed === "string")
    throw new MillraceError("corrupt", `the downloaded server cannot be used: ${probed}`);
  say(`nats-server ${probed.version} is in the cache: ${path}`);
  return probed;
}

async function fetchArchive(url: string): Promise<Buffer> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(DOWNLOAD_TIMEOUT_MS) });
    if (!response.ok) throw new Error(`the server answered ${response.status}`);
    return Buffer.from(await response.arrayBuffer());
  } catch (cause) {
    throw new MillraceError("unavailable", `cannot download ${url}`, {
      fix: "See that this machine reaches it, or install nats-server through the package manager.",
      cause,
    });
  }
}

function checkSum(url: string, archive: Buffer, expected: string): void {
  const actual = createHash("sha256").update(archive).digest("hex");
  if (actual !== expected) {
    throw new MillraceError(
      "corrupt",
      `${url} has the SHA-256 ${actual}, not the pinned ${expected}; nothing is kept`,
      {
        fix: "Try again; if it stays so, what is served there is not the published release.",
      },
    );
  }
}

async function unpack(archive: Buffer, entry: string, folder: string, name: string): Promise<string> {
  const server = await entryOf(archive, entry);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const path = join(folder, name);
  const partial = `${path}.${randomBytes(6).toString("hex")}.part`;
  try {
    await writeFile(partial, server, { mode: 0o755, flag: "wx", flush: true });
    await rename(partial, path);
    return path;
  } finally {
    await rm(partial, { force: true });
  }
}

async function entryOf(archive: Buffer, wanted: string): Promise<Buffer> {
  const reader = extract();
  const unpacking = pipeline(Readable.from([archive]), createGunzip(), reader);
  let found: Buffer | undefined;
  for await (const entry of reader) {
    if (entry.header.name === wanted) found = await buffer(entry);
    else entry.resume();
  }
  await unpacking;
  if (found === undefined) throw new MillraceError("corrupt", `the archive holds no ${wanted}`);
  return found;
}
