import { createHash } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { gzipSync } from "node:zlib";
import { pack } from "tar-stream";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Platform, platformOf, type ServerRelease } from "../../../shared/bus/embedded/release.ts";
import { setupServer } from "../../../shared/bus/embedded/setup.ts";

const version = "2.13.7";
const platform = platformOf(process.platform, process.arch) as Platform;

async function archive(entryName: string): Promise<Buffer> {
  const tar = pack();
  tar.entry({ name: "README.md" }, "not this one");
  tar.entry({ name: entryName, mode: 0o755 }, `#!/bin/sh\necho 'nats-server: v${version}'\n`);
  tar.finalize();
  return gzipSync(await buffer(tar));
}

describe("setting up a downloaded nats-server", () => {
  let cache: string;
  let mirror: Server;
  let served: Buffer;
  let release: ServerRelease;
  const said: string[] = [];

  beforeEach(async () => {
    said.length = 0;
    cache = await mkdtemp(join(tmpdir(), "millrace-setup-"));
    served = await archive(`nats-server-v${version}-${platform}/nats-server`);
    mirror = createServer((request, response) => {
      const isThere = request.url === `/v${version}/nats-server-v${version}-${platform}.tar.gz`;
      response.writeHead(isThere ? 200 : 404).end(isThere ? served : undefined);
    });
    await new Promise<void>((resolve) => mirror.listen(0, "127.0.0.1", resolve));
    release = releaseOf(served);
  });
  afterEach(async () => {
    await new Promise((resolve) => mirror.close(resolve));
    await rm(cache, { recursive: true });
  });

  function releaseOf(bytes: Buffer): ServerRelease {
    const sum = createHash("sha256").update(bytes).digest("hex");
    const { port } = mirror.address() as AddressInfo;
    return {
      version,
      baseUrl: `http://127.0.0.1:${port}`,
      sha256: { "linux-amd64": sum, "linux-arm64": sum, "darwin-amd64": sum, "darwin-arm64": sum },
    };
  }

  const setup = (asked: ServerRelease) =>
    setupServer({
      via: "download",
      environment: { XDG_CACHE_HOME: cache },
      say: (line) => said.push(line),
      release: asked,
    });

  test("puts the published server into the cache, ready to run, and says so", async () => {
    const path = join(cache, "millrace", `nats-server-${version}`);
    expect(await setup(release)).toEqual({ path, version });
    expect((await stat(path)).mode & 0o777).toBe(0o755);
    expect(await readdir(join(cache, "millrace"))).toEqual([`nats-server-${version}`]);
    expect(said[0]).toContain("downloading http://127.0.0.1");
    expect(said.at(-1)).toContain(path);
  });

  test("keeps nothing of an archive with another SHA-256", async () => {
    served = await archive("evil/nats-server");
    await expect(setup(release)).rejects.toMatchObject({
      code: "corrupt",
      message: expect.stringContaining("SHA-256"),
    });
    expect(await readdir(cache)).toEqual([]);
  });

  test("leaves no half of a file when the archive holds no server", async () => {
    served = await archive("elsewhere/nats-server");
    await expect(setup(releaseOf(served))).rejects.toMatchObject({ code: "corrupt" });
    expect(await readdir(cache)).toEqual([]);
  });

  test("names the address that does not answer, and another way", async () => {
    await expect(setup({ ...release, version: "9.9.9" })).rejects.toMatchObject({
      code: "unavailable",
      message: expect.stringContaining("/v9.9.9/"),
      fix: expect.stringContaining("package manager"),
    });
  });

  test("says that a folder for the cache is missing", async () => {
    await expect(
      setupServer({ via: "download", environment: {}, say: () => undefined, release }),
    ).rejects.toMatchObject({ code: "badInput", fix: expect.stringContaining("HOME") });
  });
});

test("a package manager is run by its own commands, each said before, and its failure is reported", async () => {
  const folder = await mkdtemp(join(tmpdir(), "millrace-brew-"));
  const said: string[] = [];
  const setup = (brew: string) =>
    writeFile(join(folder, "brew"), `#!/bin/sh\n${brew}\n`, { mode: 0o755 }).then(() =>
      setupServer({
        via: "brew",
        environment: { PATH: `${folder}:${process.env.PATH}` },
        say: (line) => said.push(line),
      }),
    );
  await setup(`echo "$@" >'${folder}/arguments'`);
  expect(await readFile(join(folder, "arguments"), "utf8")).toBe("install nats-server\n");
  expect(said[0]).toBe("running brew install nats-server");
  expect(said[1]).toMatch(/^nats-server .* is installed: /);
  await expect(setup("exit 1")).rejects.toMatchObject({ code: "unavailable", fix: expect.any(String) });
  await rm(folder, { recursive: true });
});

test("automatic set-up is content with a server that is there", async () => {
  const said: string[] = [];
  const found = await setupServer({ via: "auto", environment: process.env, say: (line) => said.push(line) });
  expect(said).toEqual([`nats-server ${found.version} is there already: ${found.path}`]);
});
