/**
 * Downloads a release of nats-server into the cache. It is kept only when its SHA-256 is the pinned one, and appears
 * there in one step.
 */
import { createHash, randomBytes } from "node:crypto";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { extract } from "tar-stream";
import { cacheFolder } from "../../host/cache-folder.ts";
import { MillraceError } from "../../model/error.ts";
import { type FoundServer, probe } from "./find-server.ts";
import { platformOf, type ServerRelease } from "./release.ts";

const DOWNLOAD_TIMEOUT_MS = 300_000;

/** Resolves with the server in the cache of this environment's user, for this machine's platform. */
export async function downloadServer(
  release: ServerRelease,
  environment: NodeJS.ProcessEnv,
  say: (line: string) => void,
): Promise<FoundServer> {
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
