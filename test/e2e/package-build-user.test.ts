/** Builds of somebody who is not root, whose agent makes the paths of packages by a name space of users. */
import { execFileSync } from "node:child_process";
import { mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { expect, it } from "vitest";
import { CommandUser, type OtherUser } from "../support/command.ts";
import { smallConfig, smallRoot } from "../support/package-repository.ts";

const nobody: OtherUser = { uid: 65_534, gid: 65_534 };

/** Why nobody else can build here; undefined where somebody can. */
function obstacle(): string | undefined {
  if (process.getuid?.() !== 0) return "only root can be somebody else";
  const trial = ["--user", "--map-root-user", "--mount", process.execPath, "--version"];
  try {
    execFileSync("/usr/bin/unshare", trial, { ...nobody, cwd: "/", stdio: "pipe" });
    return undefined;
  } catch (error) {
    return `no other user can have namespaces here: ${(error as Error).message.trim()}`;
  }
}

const found = obstacle();
if (found !== undefined) process.stderr.write(`note: builds of other users are skipped: ${found}\n`);

const files: Readonly<Record<string, string>> = {
  "config.toml": smallConfig,
  "pkg.toml": smallRoot.replace(
    /build\.script = .*/,
    `build.script = '''
mkdir /outputs /build
cat /inputs/*.pkg >/outputs/{{this.name}}.pkg 2>/dev/null || true
echo "{{this.name}} by $(id -u)" >>/outputs/{{this.name}}.pkg
'''`,
  ),
  "lib/pkg.toml": 'name = "lib"\nversion = "1"\n',
  "app/pkg.toml": 'name = "app"\nversion = "1"\n[dependencies]\nbuild = ["lib =1"]\n',
  "all/pkg.toml": 'name = "all"\nversion = "1"\n[dependencies]\nbuild = ["app =1"]\n',
};

it.skipIf(found !== undefined)(
  "somebody who is not root builds packages on the host, and reuses them",
  async () => {
    await using user = await CommandUser.create(nobody);
    for (const [path, text] of Object.entries(files)) {
      await mkdir(dirname(join(user.folder, "repo", path)), { recursive: true });
      await writeFile(join(user.folder, "repo", path), text);
    }
    user.own();
    const build = () => user.run("build", "all", "--repo", "repo", "--on-host", "--staging-dir", "staging");
    const first = await build();
    expect(first.status, first.stderr).toBe(0);
    expect(first.stderr).toContain("3 done, 0 failed, 0 blocked");
    const paths = first.stdout.trimEnd().split("\n");
    expect(paths.map((path) => path.split("/").at(-1))).toEqual(["all.pkg", "app.pkg", "lib.pkg"]);
    const app = "lib by 65534\napp by 65534\n";
    expect(await readFile(paths[1]!, "utf8")).toBe(app);
    // What it needs comes with all that this needed.
    expect(await readFile(paths[0]!, "utf8")).toBe(`${app}lib by 65534\nall by 65534\n`);
    expect((await stat(paths[0]!)).uid).toBe(nobody.uid);
    const second = await build();
    expect(second.status, second.stderr).toBe(0);
    expect(second.stderr).toContain("3 done (3 reused), 0 failed, 0 blocked");
  },
  120_000,
);
