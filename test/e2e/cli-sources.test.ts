import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cp, mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ProxyServer } from "../integration/sources/proxy-server.ts";
import { secureServer } from "../integration/sources/secure-server.ts";
import { cutAfter, file, SourceServer, stall, status } from "../integration/sources/source-server.ts";
import { butidoExamples } from "../support/butido-examples.ts";
import { CommandUser } from "../support/command.ts";
import { smallConfig, smallRoot } from "../support/package-repository.ts";

const hasOpenssl = spawnSync("openssl", ["version"]).status === 0;
const content = Buffer.alloc(1_000_000, "x");

describe("the sources of packages", () => {
  let user: CommandUser;
  let server: SourceServer;
  beforeEach(async () => {
    user = await CommandUser.create();
    server = await SourceServer.start();
  });
  afterEach(async () => {
    await user[Symbol.asyncDispose]();
    await server.stop();
  });

  async function write(path: string, text: string): Promise<void> {
    await mkdir(dirname(join(user.folder, path)), { recursive: true });
    await writeFile(join(user.folder, path), text);
  }

  /** A repository in the user's folder with packages that have a source each, of the same content. */
  async function repository(...names: string[]): Promise<void> {
    const hash = createHash("sha256").update(content).digest("hex");
    await write("config.toml", `source_cache = "${join(user.folder, "cache")}"\n${smallConfig}`);
    await write(
      "pkg.toml",
      smallRoot.replace("[sources]", `[sources.src.hash]\ntype = "sha256"\nhash = "${hash}"`),
    );
    for (const name of names) {
      const manual = name === "manual" ? "\ndownload_manually = true" : "";
      const url = server.url(`/${name}.tar`);
      await write(
        `${name}/pkg.toml`,
        `name = "${name}"\nversion = "1.0"\n[sources.src]\nurl = "${url}"${manual}`,
      );
    }
  }

  it("are downloaded, each for itself, with the reason for what can't be had", async () => {
    await repository("good", "gone", "manual");
    server.on("/good.tar", cutAfter(400_000, content), file(content));
    const { status: code, stderr } = await user.run("source", "download");
    expect(code).toBe(1);
    expect(stderr).toMatch(/^good 1\.0 src: 977 KiB from http/m);
    expect(stderr).toMatch(/^gone 1\.0 src: failed: http.*: the server answered 404$/m);
    expect(stderr).toMatch(
      /^manual 1\.0 src can't be downloaded by a program: get it from .* and put it at /m,
    );
    expect(stderr).toContain("1 downloaded (977 KiB), 0 there already, 1 must be fetched by hand, 1 failed");
    expect((await user.run("source", "verify", "good")).status).toBe(0);
    const { stderr: nothing } = await user.run("source", "list-missing", "good");
    expect(nothing).toContain("no source is missing");
    const missing = await user.run("source", "list-missing");
    expect(missing.stdout).toBe(
      `gone\t1.0\tsrc\t${join(user.folder, "cache/gone-1.0/src.source")}\n` +
        `manual\t1.0\tsrc\t${join(user.folder, "cache/manual-1.0/src.source")}\n`,
    );
  });

  it("are fetched from mirrors that the environment names, from any folder of the repository", async () => {
    await repository("good");
    server.on("/mirror/good/good.tar", file(content));
    const environment = { MILLRACE_SOURCE_MIRRORS: server.url("/mirror/{name}/{file}") };
    const command = user.start(["source", "download", "--repo", ".", "--json"], environment);
    const { status: code, stdout } = await command.ended;
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject([
      { package: "good", version: "1.0", source: "src", outcome: { kind: "downloaded", bytes: 1_000_000 } },
    ]);
  });

  it("go on after an interruption where it came", async () => {
    await repository("good");
    server.on("/good.tar", stall(content.subarray(0, 300_000)));
    const command = user.start(["source", "download"]);
    await server.asked("/good.tar");
    command.child.kill("SIGINT");
    expect((await command.ended).status).toBe(130);
    server.on("/good.tar", file(content));
    expect((await user.run("source", "download")).status).toBe(0);
    expect((await readFile(join(user.folder, "cache/good-1.0/src.source"))).equals(content)).toBe(true);
  });

  it.runIf(hasOpenssl)("come through a proxy, by HTTPS in a tunnel", async () => {
    await repository("good");
    await using proxy = await ProxyServer.start();
    await using secure = await secureServer(user.folder, content);
    const proxies = { http_proxy: proxy.url, https_proxy: proxy.url, no_proxy: "", NO_PROXY: "" };
    const environment = { ...proxies, NODE_EXTRA_CA_CERTS: secure.certificate };
    server.on("/good.tar", file(content));
    const plain = await user.start(["source", "download"], environment).ended;
    expect(plain).toMatchObject({ status: 0 });
    expect(proxy.requests).toEqual([`GET ${server.url("/good.tar")}`]);
    expect(proxy.authorizations).toEqual([`Basic ${Buffer.from("me:p@ss").toString("base64")}`]);
    const mirrors = ["--mirror", `${secure.url}/{file}`, "--mirror", "{url}"];
    const tunnelled = await user.start(["source", "download", "--force", ...mirrors], environment).ended;
    expect(tunnelled.stderr).toContain(`good 1.0 src: 977 KiB from ${secure.url}/good.tar`);
    expect(proxy.requests[1]).toBe(`CONNECT ${secure.url.replace("https://", "")}`);
    const direct = { ...environment, no_proxy: "127.0.0.1,localhost" };
    expect((await user.start(["source", "download", "--force"], direct).ended).status).toBe(0);
    expect(proxy.requests).toHaveLength(2);
  });

  it("are given up after --timeout, also in butido's bare seconds", async () => {
    await repository("good");
    server.on("/good.tar", stall(content.subarray(0, 300_000)));
    const { status: code, stderr } = await user.run("source", "download", "--timeout", "1");
    expect(code).toBe(1);
    expect(stderr).toContain("failed: not done within 1 s");
  });

  it("are told by status 2 when there is no such package, cache or pattern", async () => {
    await repository("good");
    server.on("/good.tar", status(404));
    expect(await user.run("source", "url", "god")).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('did you mean "good"?'),
    });
    expect(await user.run("source", "verify", "--matching", "(")).toMatchObject({
      status: 2,
      stderr: expect.stringContaining("--matching must be a regular expression"),
    });
    await write("config.toml", smallConfig);
    expect(await user.run("source", "of")).toMatchObject({
      status: 2,
      stderr: expect.stringContaining("--source-cache"),
    });
  });

  it.skipIf(butidoExamples === undefined)(
    "of butido's example repository are all right as they come",
    async () => {
      await cp(join(butidoExamples ?? "", "repo"), join(user.folder, "repo"), { recursive: true });
      const cache = join(butidoExamples ?? "", "sources");
      const where = ["--repo", "repo", "--source-cache", cache];
      const verified = await user.run("source", "verify", ...where);
      expect(verified).toMatchObject({ status: 0, stdout: "", stderr: "29 of 29 sources are right\n" });
      const of = await user.run("source", "of", "s", "=19.1", ...where);
      expect(of.stdout).toBe(`s\t19.1\tsrc\t${join(cache, "s-19.1/src.source")}\n`);
      const url = await user.run("source", "url", "--matching", "^[ab]$", ...where);
      expect(url.stdout).toBe("a\t1\tsrc\thttps://example.com/\nb\t2\tsrc\thttps://example.com/\n");
    },
  );
});
